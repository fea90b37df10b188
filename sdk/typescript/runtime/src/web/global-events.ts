// https://html.spec.whatwg.org/#windoworworkerglobalscope-mixin: the global object as a target of events
import { ErrorEvent } from "./error-events";
import type { Event } from "./event";
import { dispatchAs, dispatchTrusted, EventTarget } from "./event-target";
import { setReporter } from "./report-error";

const target = new EventTarget();

/** As the platform dispatches it; false if a listener has prevented the default. */
export function dispatchGlobal(event: Event): boolean {
  return dispatchTrusted(target, event, globalThis);
}

/** The methods of EventTarget, for the global object. */
export const globalTarget = {
  addEventListener: (...args: Parameters<EventTarget["addEventListener"]>): void => target.addEventListener(...args),
  removeEventListener: (...args: Parameters<EventTarget["removeEventListener"]>): void => target.removeEventListener(...args),
  dispatchEvent: (event: Event): boolean => dispatchAs(target, event, globalThis),
};

/** `onerror` takes what an error has in pieces, and prevents the default with true. */
function onError(handler: (...args: unknown[]) => unknown, event: Event): void {
  if (event instanceof ErrorEvent) {
    if (handler.call(globalThis, event.message, event.filename, event.lineno, event.colno, event.error) === true) event.preventDefault();
  } else handler.call(globalThis, event);
}

const call = (handler: (...args: unknown[]) => unknown, event: Event): void => {
  if (handler.call(globalThis, event) === false) event.preventDefault();
};

/** Defines `onerror` and its like. */
export function defineHandlers(): void {
  for (const [type, run] of [["error", onError], ["unhandledrejection", call], ["rejectionhandled", call]] as const) {
    let handler: ((...args: unknown[]) => unknown) | null = null;
    const listener = (event: Event): void => {
      if (handler) run(handler, event);
    };
    Object.defineProperty(globalThis, `on${type}`, {
      configurable: true,
      enumerable: true,
      get: () => handler,
      set: (value: unknown) => {
        handler = typeof value === "function" ? (value as typeof handler) : null;
        // The same listener is registered once; its place is that of the first handler.
        if (handler) target.addEventListener(type, listener);
      },
    });
  }
}

let reporting = false;

setReporter((error, text) => {
  // An error of a listener for errors goes to the log alone.
  if (reporting) return true;
  reporting = true;
  try {
    return dispatchGlobal(new ErrorEvent("error", { cancelable: true, message: text, error }));
  } finally {
    reporting = false;
  }
});
