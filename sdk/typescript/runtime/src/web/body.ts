// https://fetch.spec.whatwg.org/#body-mixin
import { Blob, blobBytes } from "./blob";
import { concat, isBufferSource, toBuffer, toBytes, type BufferSource } from "./bytes";
import { FormData } from "./form-data";
import { mimeEssence, mimeParameter } from "./mime";
import { encodeMultipart, parseMultipart } from "./multipart";
import { isDisturbed, ReadableStream, readAll, streamOf, TransformStream } from "./streams";
import { decodeUtf8, decodeUtf8KeepingMark, encodeUtf8 } from "./text";
import { parseForm, URLSearchParams } from "./url-search-params";
import { wellFormed } from "./well-formed";

export type BodyInit = string | BufferSource | Blob | FormData | URLSearchParams | ReadableStream | AsyncIterable<Uint8Array>;

/** What a body is before anybody reads it. A function gives the bytes of a request of the host's. */
export type Source = string | Uint8Array | Blob | (() => Uint8Array) | null;

/** A body and the content type that its kind has. */
export interface Extracted {
  source: Source;
  stream: ReadableStream | null;
  type: string | null;
}

/** https://fetch.spec.whatwg.org/#concept-bodyinit-extract; bytes are copied, as the caller may write to them. */
export function extract(init: BodyInit): Extracted {
  if (typeof init === "string") return { source: init, stream: null, type: "text/plain;charset=UTF-8" };
  if (isBufferSource(init)) return { source: toBytes(init).slice(), stream: null, type: null };
  if (init instanceof ReadableStream) {
    if (init.locked || isDisturbed(init)) throw new TypeError("this stream is locked, or has been read from");
    const source = sources.get(init);
    return source === undefined ? { source: null, stream: init, type: null } : { source, stream: null, type: null };
  }
  if (init instanceof Blob) return { source: init, stream: null, type: init.type || null };
  if (init instanceof URLSearchParams) {
    return { source: init.toString(), stream: null, type: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  if (init instanceof FormData) {
    const boundary = `----rusm${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
    return { source: encodeMultipart(init, boundary), stream: null, type: `multipart/form-data; boundary=${boundary}` };
  }
  if (typeof init === "object" && init !== null && Symbol.asyncIterator in init) {
    return { source: null, stream: ReadableStream.from(init), type: null };
  }
  return extract(`${init as unknown as string}`);
}

/** What is still there of a body to send: null for none, undefined if it was read. */
export let bodyParts: (body: Body) => Source | ReadableStream | undefined;
/** A source and a stream for another body of the same content. */
export let cloneBody: (body: Body) => [Source, ReadableStream | null];
/** As `cloneBody`; the body itself is read with it. */
export let takeBody: (body: Body) => [Source, ReadableStream | null];

/** Gives a body that has none another's. */
export let setBody: (body: Body, source: Source, stream: ReadableStream | null) => void;

/** Errors of parsing a body that came from outside. */
export const malformedBodies = new WeakSet<object>();

/** What Request and Response have in common. */
export abstract class Body {
  #source: Source;
  #stream: ReadableStream | null;
  #used = false;

  constructor(source: Source, stream: ReadableStream | null) {
    this.#source = source;
    this.#stream = stream;
  }

  /** The header, for the type of a blob and of a form. */
  protected abstract contentType(): string | null;

  get body(): ReadableStream<Uint8Array> | null {
    if (this.#stream === null && this.#source !== null) {
      const source = this.#source;
      this.#stream = streamOf(() => bodyBytes(source));
      sources.set(this.#stream, source);
      // Read before by `text` and its like: then the stream is so, too.
      if (this.#used) this.#stream.getReader().read().catch(() => {});
    }
    return this.#stream;
  }

  get bodyUsed(): boolean {
    return this.#used || (this.#stream !== null && isDisturbed(this.#stream));
  }

  async text(): Promise<string> {
    const source = this.#take();
    if (typeof source === "string") return wellFormed(source).replace(/^\ufeff/, "");
    return decodeUtf8(source instanceof Uint8Array ? source : await source);
  }

  async json(): Promise<unknown> {
    const text = await this.text();
    return this.#parsed(() => JSON.parse(text) as unknown);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return toBuffer(await this.bytes());
  }

  async bytes(): Promise<Uint8Array> {
    const source = this.#take();
    return typeof source === "string" ? encodeUtf8(source) : source;
  }

  async blob(): Promise<Blob> {
    const bytes = await this.bytes();
    return new Blob([bytes], { type: this.contentType() ?? "" });
  }

  async formData(): Promise<FormData> {
    const type = this.contentType() ?? "";
    const essence = mimeEssence(type);
    const boundary = essence === "multipart/form-data" ? mimeParameter(type, "boundary") : undefined;
    if (boundary === undefined && essence !== "application/x-www-form-urlencoded") {
      throw new TypeError(`a body of the type ${JSON.stringify(type)} is no form`);
    }
    const bytes = await this.bytes();
    if (boundary !== undefined) return this.#parsed(() => parseMultipart(bytes, boundary));
    const form = new FormData();
    for (const [name, value] of parseForm(decodeUtf8KeepingMark(bytes))) form.append(name, value);
    return form;
  }

  #parsed<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (typeof this.#source === "function") malformedBodies.add(error as object);
      throw error;
    }
  }

  /** The whole body, for who reads it now; string or bytes at once unless it is a stream. */
  #take(): string | Uint8Array | Promise<Uint8Array> {
    if (this.bodyUsed || this.#stream?.locked) throw new TypeError("the body was read already, or is locked");
    if (this.#source === null && this.#stream === null) return EMPTY;
    this.#used = true;
    if (this.#source === null) return readAll(this.#stream!).then((chunks) => concat(chunks).slice());
    if (this.#stream !== null) void this.#stream.cancel();
    if (typeof this.#source === "string") return this.#source;
    // What a function gives is nobody else's.
    return typeof this.#source === "function" ? this.#source() : bodyBytes(this.#source).slice();
  }

  static {
    bodyParts = (body) => {
      if (body.bodyUsed || body.#stream?.locked) return undefined;
      return body.#source ?? body.#stream;
    };
    setBody = (body, source, stream) => {
      body.#source = source;
      body.#stream = stream;
    };
    // A stream is parted in two; anything else is shared, as nobody writes to it.
    cloneBody = (body) => {
      if (body.bodyUsed || body.#stream?.locked) throw new TypeError("the body was read already, or is locked: it cannot be cloned");
      if (body.#source !== null || body.#stream === null) return [body.#source, null];
      const [own, other] = body.#stream.tee();
      body.#stream = own;
      return [null, other];
    };
    takeBody = (body) => {
      if (body.bodyUsed || body.#stream?.locked) throw new TypeError("the body was read already, or is locked");
      const taken: [Source, ReadableStream | null] = [body.#source, body.#source === null ? body.#stream : null];
      if (taken[1] !== null) {
        const { readable, writable } = new TransformStream();
        taken[1].pipeTo(writable).catch(() => {});
        taken[1] = readable;
      } else if (taken[0] !== null) {
        body.#used = true;
      }
      return taken;
    };
  }
}

/**
 * What a body's stream gives, as long as nobody has read from it: so `new Response(response.body, init)`, as
 * middleware has it, stays a body of text or bytes.
 */
const sources = new WeakMap<ReadableStream, NonNullable<Source>>();

export function bodyBytes(source: NonNullable<Source>): Uint8Array {
  if (typeof source === "string") return encodeUtf8(source);
  if (source instanceof Uint8Array) return source;
  return source instanceof Blob ? blobBytes(source) : source();
}

const EMPTY = new Uint8Array(0);
