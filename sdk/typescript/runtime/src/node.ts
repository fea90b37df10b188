// What the modules of Node (../../node) stand on: `globalThis[Symbol.for("rusm.node")]`.
import { host } from "./host";
import { isRunning } from "./build-time";

export const forNode = {
  isRunning,
  digest: (algorithm: string, bytes: Uint8Array): ArrayBuffer => host.digest(algorithm, bytes),
  hmac: (algorithm: string, key: Uint8Array, bytes: Uint8Array): ArrayBuffer => host.hmac(algorithm, key, bytes),
  /** What a job or timer inherits from the code that has asked for it. */
  asyncContext: (): unknown => host.asyncContext(),
  setAsyncContext: (context: unknown): void => host.setAsyncContext(context),
};
