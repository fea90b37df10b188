// https://dom.spec.whatwg.org/#aborting-ongoing-activities
import { now } from "./clock";
import { Event } from "./event";
import { dispatchTrusted, EventTarget } from "./event-target";
import { setTimer } from "./timers";
import { handlerAttribute } from "./handler-attribute";

const TOKEN: unique symbol = Symbol();

/** Aborts it as its controller does. */
export let abortSignal: (signal: AbortSignal, reason: unknown) => void;
/** When a signal of `AbortSignal.timeout` will abort by itself, as of `now()`; Infinity for others. */
export let signalDeadline: (signal: AbortSignal) => number;
export let newSignal: () => AbortSignal;
/** A signal that aborts with the others. */
export let dependentSignal: (signals: readonly AbortSignal[]) => AbortSignal;

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason: unknown;
  #deadline = Infinity;
  #dependents: AbortSignal[] | undefined;
  #sources: AbortSignal[] | undefined;

  constructor(token?: typeof TOKEN) {
    if (token !== TOKEN) throw new TypeError("an AbortSignal comes from an AbortController");
    super();
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal(TOKEN);
    signal.#aborted = true;
    signal.#reason = reason === undefined ? new DOMException("this operation was aborted", "AbortError") : reason;
    return signal;
  }

  static timeout(milliseconds: number): AbortSignal {
    const delay = Math.trunc(Number(milliseconds));
    if (!(delay >= 0 && delay <= Number.MAX_SAFE_INTEGER)) throw new TypeError("a timeout is a number of milliseconds");
    const signal = new AbortSignal(TOKEN);
    signal.#deadline = now() + delay;
    setTimer(() => abortSignal(signal, new DOMException("the operation timed out", "TimeoutError")), delay);
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const all = [...signals];
    if (!all.every((signal) => signal instanceof AbortSignal)) throw new TypeError("AbortSignal.any takes signals");
    return dependentSignal(all);
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  declare onabort: ((event: Event) => unknown) | null;

  override get [Symbol.toStringTag](): string {
    return "AbortSignal";
  }

  static {
    handlerAttribute(this.prototype, "abort");
    newSignal = () => new AbortSignal(TOKEN);
    signalDeadline = (signal) => Math.min(signal.#deadline, ...(signal.#sources ?? []).map((source) => source.#deadline));
    dependentSignal = (signals) => {
      const signal = new AbortSignal(TOKEN);
      const aborted = signals.find((source) => source.#aborted);
      if (aborted) {
        signal.#aborted = true;
        signal.#reason = aborted.#reason;
        return signal;
      }
      // Of signals that depend on others those others, so that there is one level alone.
      const sources = new Set(signals.flatMap((source) => source.#sources ?? [source]));
      signal.#sources = [...sources];
      for (const source of sources) (source.#dependents ??= []).push(signal);
      return signal;
    };
    abortSignal = (signal, reason) => {
      if (signal.#aborted) return;
      const why = reason === undefined ? new DOMException("this operation was aborted", "AbortError") : reason;
      const all = [signal, ...(signal.#dependents ?? []).filter((dependent) => !dependent.#aborted)];
      // All are aborted before the first listener runs.
      for (const each of all) {
        each.#aborted = true;
        each.#reason = why;
      }
      for (const each of all) dispatchTrusted(each, new Event("abort"));
    };
  }
}

export class AbortController {
  /** Made when it is asked for: a request's is, most often, not. */
  #signal: AbortSignal | undefined;

  get signal(): AbortSignal {
    return (this.#signal ??= newSignal());
  }

  abort(reason?: unknown): void {
    abortSignal(this.signal, reason);
  }

  get [Symbol.toStringTag](): string {
    return "AbortController";
  }
}
