import { host } from "../host";
import { toBytes, type BufferSource } from "../web/bytes";
import { ReadableStream, WritableStream } from "../web/streams";
import { CallError } from "./call-error";
import { resolve, type Target } from "./pid";

/** A byte stream to a process, which accepts it. A slow reader makes `write` wait. */
export async function openStream(to: Target): Promise<WritableStream<BufferSource>> {
  const stream = host.streamOpen(resolve(to));
  if (stream === undefined) throw new CallError("no-process");
  return new WritableStream<BufferSource>({
    write(chunk) {
      if (!host.streamWrite(stream, toBytes(chunk))) throw new Error("the reader of the stream is gone");
    },
    close: () => host.streamClose(stream),
    abort: () => host.streamClose(stream),
  });
}

/** Waits for the next stream that is opened to this process. */
export async function acceptStream(): Promise<ReadableStream<Uint8Array>> {
  const stream = host.streamAccept();
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = host.streamRead(stream);
      if (chunk !== undefined) {
        controller.enqueue(new Uint8Array(chunk));
        return;
      }
      const why = host.streamFailure(stream);
      if (why !== undefined) throw new Error(why);
      controller.close();
    },
    cancel: () => host.streamClose(stream),
  }, { highWaterMark: 0 });
}
