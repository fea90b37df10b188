// https://streams.spec.whatwg.org/
export {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} from "web-streams-polyfill";
import { ReadableStream } from "web-streams-polyfill";
import { toBytes } from "./bytes";

/** Whether it was read from or cancelled; the polyfill names the field as the specification names the slot. */
export function isDisturbed(stream: ReadableStream): boolean {
  return (stream as unknown as { _disturbed: boolean })._disturbed;
}

/** A byte stream of these bytes, which are asked for when it is read. */
export function streamOf(bytes: () => Uint8Array | Promise<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const chunk = await bytes();
      // A copy: the stream takes the buffer away from who has it.
      if (chunk.length > 0) controller.enqueue(chunk.slice());
      controller.close();
      controller.byobRequest?.respond(0);
    },
  }) as unknown as ReadableStream<Uint8Array>;
}

export async function readAll(stream: ReadableStream): Promise<Uint8Array[]> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    if (!(value instanceof Uint8Array)) {
      const error = new TypeError("a body is a stream of Uint8Array");
      reader.cancel(error).catch(() => {});
      throw error;
    }
    chunks.push(toBytes(value));
  }
}
