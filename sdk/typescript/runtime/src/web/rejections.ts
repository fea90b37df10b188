// https://html.spec.whatwg.org/#unhandled-promise-rejections
import { host } from "../host";
import { errorText } from "./describe-error";
import { PromiseRejectionEvent } from "./error-events";
import { dispatchGlobal } from "./global-events";

/** Rejected, and without a handler so far. */
const pending = new Map<Promise<unknown>, unknown>();
/** Reported as such. */
const reported = new WeakSet<Promise<unknown>>();
/** Reported, and handled since. */
let handledLate: [Promise<unknown>, unknown][] = [];

/** The engine: a promise was rejected without a handler, or one that was has a handler now. */
export function noteRejection(promise: Promise<unknown>, reason: unknown, isHandled: boolean): void {
  if (!isHandled) pending.set(promise, reason);
  else if (!pending.delete(promise) && reported.delete(promise)) handledLate.push([promise, reason]);
}

/** Each time that no job is left. */
export function reportRejections(): void {
  const late = handledLate;
  handledLate = [];
  for (const [promise, reason] of late) dispatchGlobal(new PromiseRejectionEvent("rejectionhandled", { promise, reason }));
  for (const [promise, reason] of pending) {
    pending.delete(promise);
    reported.add(promise);
    const event = new PromiseRejectionEvent("unhandledrejection", { cancelable: true, promise, reason });
    if (dispatchGlobal(event)) host.log("error", `unhandled rejection: ${errorText(reason)}`);
  }
}
