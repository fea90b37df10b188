// The wire between guests of all languages: arguments are a JSON array, an answer is JSON. The chunks of a
// stream that answers a call begin with a byte: 0, an item; 1, a call of a callback, then its number (four
// bytes, little-endian) and its argument; 2, the answer, the last chunk. Each is JSON.
import { decodeUtf8, encodeUtf8 } from "../web/text";
import { CallError } from "./call-error";

export type Chunk = { tag: "item" | "answer"; json: string } | { tag: "callback"; index: number; json: string };

const ITEM = 0;
const CALLBACK = 1;
const ANSWER = 2;

/** Arguments without a value are null: an array of JSON has no holes. */
export function encodeArguments(args: readonly unknown[]): string {
  try {
    return JSON.stringify(args);
  } catch (error) {
    throw new CallError("encode", (error as Error).message, { cause: error });
  }
}

/** No value is null. */
export function encodeValue(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

/** Null is null; an empty answer, that of a function which answered by a stream, is undefined. */
export function decodeAnswer(json: string): unknown {
  if (json === "") return undefined;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new CallError("decode", (error as Error).message, { cause: error });
  }
}

export function itemChunk(value: unknown): Uint8Array {
  return chunk(ITEM, encodeValue(value));
}

export function answerChunk(value: unknown): Uint8Array {
  return chunk(ANSWER, encodeValue(value));
}

export function callbackChunk(index: number, argument: unknown): Uint8Array {
  const json = encodeUtf8(encodeValue(argument));
  const bytes = new Uint8Array(5 + json.length);
  bytes[0] = CALLBACK;
  new DataView(bytes.buffer).setUint32(1, index, true);
  bytes.set(json, 5);
  return bytes;
}

export function decodeChunk(bytes: Uint8Array): Chunk {
  const tag = bytes[0];
  if (tag === ITEM) return { tag: "item", json: decodeUtf8(bytes.subarray(1)) };
  if (tag === ANSWER) return { tag: "answer", json: decodeUtf8(bytes.subarray(1)) };
  if (tag === CALLBACK && bytes.length >= 5) {
    const index = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1, true);
    return { tag: "callback", index, json: decodeUtf8(bytes.subarray(5)) };
  }
  throw new CallError("decode", "the stream carries something else");
}

function chunk(tag: number, json: string): Uint8Array {
  const content = encodeUtf8(json);
  const bytes = new Uint8Array(1 + content.length);
  bytes[0] = tag;
  bytes.set(content, 1);
  return bytes;
}
