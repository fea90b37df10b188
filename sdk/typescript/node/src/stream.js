// https://nodejs.org/api/stream.html
import npm from "readable-stream/lib/ours/browser.js";
import promises from "./stream-promises.js";

export const {
  Readable, Writable, Duplex, Transform, PassThrough, Stream, addAbortSignal, finished, pipeline, compose, destroy,
  isDisturbed, isErrored, isReadable, getDefaultHighWaterMark, setDefaultHighWaterMark,
} = npm;
export { promises };
export default npm;
