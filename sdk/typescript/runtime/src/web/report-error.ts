// https://html.spec.whatwg.org/#report-the-exception: an event, and a line of the operator's log
import { host } from "../host";
import { errorText } from "./describe-error";

let report: (error: unknown, text: string) => boolean = () => true;

/** What dispatches the event: false if the error is handled by that. */
export function setReporter(reporter: typeof report): void {
  report = reporter;
}

export function reportError(error: unknown): void {
  const text = errorText(error);
  if (report(error, text)) host.log("error", `uncaught ${text}`);
}

/** https://html.spec.whatwg.org/#microtask-queuing */
export function queueMicrotask(callback: unknown): void {
  if (typeof callback !== "function") throw new TypeError("queueMicrotask takes a function");
  void Promise.resolve().then(() => {
    try {
      callback();
    } catch (error) {
      reportError(error);
    }
  });
}
