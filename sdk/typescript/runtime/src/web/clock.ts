import { host } from "../host";
import { isRunning, timeOrigin } from "../build-time";

/** Milliseconds since the instance began; 0 at build time. */
export function now(): number {
  return isRunning() ? host.monotonic() - timeOrigin() : 0;
}
