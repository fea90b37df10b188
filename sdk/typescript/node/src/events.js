// https://nodejs.org/api/events.html
import npm from "events";

const EventEmitter = npm;
export const once = npm.once;
export const defaultMaxListeners = npm.defaultMaxListeners;
export const captureRejectionSymbol = Symbol.for("nodejs.rejection");
export const errorMonitor = Symbol("events.errorMonitor");
export const listenerCount = (emitter, name) => emitter.listenerCount(name);
export const getEventListeners = (emitter, name) => emitter.listeners?.(name) ?? [];
export const setMaxListeners = (count, ...emitters) => {
  for (const emitter of emitters) emitter.setMaxListeners?.(count);
  if (emitters.length === 0) EventEmitter.defaultMaxListeners = count;
};
export const addAbortListener = (signal, listener) => {
  if (signal.aborted) queueMicrotask(listener);
  else signal.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose ?? Symbol.for("Symbol.dispose")]: () => signal.removeEventListener("abort", listener) };
};

/** The events of one name as an endless iterator, which an `error` ends. */
export async function* on(emitter, name, { signal } = {}) {
  const queue = [];
  let wake = () => {};
  let failure;
  const take = (...args) => {
    queue.push(args);
    wake();
  };
  const fail = (error) => {
    failure = { error };
    wake();
  };
  const abort = () => fail(signal.reason);
  signal?.throwIfAborted();
  emitter.on(name, take);
  if (name !== "error") emitter.on("error", fail);
  signal?.addEventListener("abort", abort);
  try {
    for (;;) {
      while (queue.length > 0) yield queue.shift();
      if (failure) throw failure.error;
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    emitter.off(name, take);
    emitter.off("error", fail);
    signal?.removeEventListener("abort", abort);
  }
}

// `errorMonitor` sees an error before its listeners, and does not count as one.
const { emit } = EventEmitter.prototype;
EventEmitter.prototype.emit = function (name, ...args) {
  if (name === "error" && this.listenerCount?.(errorMonitor) > 0) emit.call(this, errorMonitor, ...args);
  return emit.call(this, name, ...args);
};

Object.assign(EventEmitter, { on, captureRejectionSymbol, errorMonitor, getEventListeners, setMaxListeners, addAbortListener });
export { EventEmitter };
export default EventEmitter;
