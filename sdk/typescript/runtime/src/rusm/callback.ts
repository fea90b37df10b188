import { host } from "../host";
import { answerChunk, callbackChunk } from "./wire";

/** The stream of the call that is being answered, once a callback was asked for. */
let stream: string | undefined;

/**
 * An argument that is a function of the caller's: on the wire it is a number. Call it while the call is
 * answered; it resolves to false if the caller is gone.
 */
export function callback(argument: unknown): (value?: unknown) => Promise<boolean> {
  const index = argument as number;
  if (!Number.isInteger(index) || index < 0) throw new TypeError("this argument is no callback");
  const own = (stream ??= host.replyStream());
  if (own === undefined) throw new TypeError("the caller gave no callbacks");
  return async (value) => stream === own && host.streamWrite(own, callbackChunk(index, value));
}

/** Gives the answer where a caller with callbacks reads it; false if it is none. */
export function answerAfterCallbacks(value: unknown): boolean {
  if (stream === undefined) return false;
  host.streamWrite(stream, answerChunk(value));
  stream = undefined;
  return true;
}

export function endCallbacks(): void {
  stream = undefined;
}
