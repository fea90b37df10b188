// https://dom.spec.whatwg.org/#interface-eventtarget, without a tree
import { Event, eventState } from "./event";
import { reportError } from "./report-error";

export type EventListener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };

export interface AddEventListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: { readonly aborted: boolean; addEventListener(type: string, listener: () => void): void };
}

interface Registered {
  type: string;
  listener: EventListener;
  capture: boolean;
  once: boolean;
  passive: boolean;
  removed: boolean;
}

/** As the platform itself does it. */
export let dispatchTrusted: (target: EventTarget, event: Event, as?: unknown) => boolean;
/** As `dispatchEvent`, of a target that shows itself as another object. */
export let dispatchAs: (target: EventTarget, event: Event, as: unknown) => boolean;

export class EventTarget {
  /** None until there is a listener: most targets never have one. */
  #listeners: Registered[] | undefined;

  addEventListener(type: string, listener: EventListener | null, options: boolean | AddEventListenerOptions = {}): void {
    if (arguments.length < 2) throw new TypeError("addEventListener takes a type and a listener");
    const given = typeof options === "object" && options !== null ? options : { capture: !!options };
    const signal = given.signal;
    if (signal === null || (signal !== undefined && typeof signal !== "object")) throw new TypeError("signal is an AbortSignal");
    if (listener !== null && listener !== undefined && typeof listener !== "function" && typeof listener !== "object") {
      throw new TypeError("a listener is a function or an object");
    }
    const name = `${type}`;
    const { capture, once, passive } = { capture: !!given.capture, once: !!given.once, passive: !!given.passive };
    if (!listener || signal?.aborted) return;
    const listeners = (this.#listeners ??= []);
    if (find(listeners, name, listener, capture)) return;
    listeners.push({ type: name, listener, capture, once, passive, removed: false });
    signal?.addEventListener("abort", () => this.removeEventListener(name, listener, capture));
  }

  removeEventListener(type: string, listener: EventListener | null, options: boolean | { capture?: boolean } = {}): void {
    if (arguments.length < 2) throw new TypeError("removeEventListener takes a type and a listener");
    const capture = typeof options === "object" && options !== null ? !!options.capture : !!options;
    const registered = listener && this.#listeners && find(this.#listeners, `${type}`, listener, capture);
    if (registered) this.#remove(registered);
  }

  dispatchEvent(event: Event): boolean {
    return dispatchAs(this, event, this);
  }

  get [Symbol.toStringTag](): string {
    return "EventTarget";
  }

  #dispatch(event: Event, as: unknown): boolean {
    const state = eventState(event);
    state.target = as;
    state.dispatching = true;
    state.phase = 2;
    if (this.#listeners && !state.stopped) {
      // Those that are added meanwhile are not called; first those that capture.
      const now = this.#listeners.filter((registered) => registered.type === event.type);
      for (const capture of [true, false]) {
        for (const registered of now) {
          if (registered.capture !== capture || registered.removed) continue;
          if (registered.once) this.#remove(registered);
          state.passive = registered.passive;
          this.#call(registered.listener, event, as);
          state.passive = false;
          if (state.stoppedNow) break;
        }
        if (state.stopped) break;
      }
    }
    state.dispatching = false;
    state.phase = 0;
    state.stopped = false;
    state.stoppedNow = false;
    return !state.canceled;
  }

  #call(listener: EventListener, event: Event, as: unknown): void {
    try {
      if (typeof listener === "function") listener.call(as, event);
      else listener.handleEvent(event);
    } catch (error) {
      reportError(error);
    }
  }

  #remove(registered: Registered): void {
    registered.removed = true;
    this.#listeners = this.#listeners?.filter((other) => other !== registered);
  }

  static {
    dispatchTrusted = (target, event, as = target) => {
      eventState(event).trusted = true;
      return target.#dispatch(event, as);
    };
    dispatchAs = (target, event, as) => {
      if (!(event instanceof Event)) throw new TypeError("dispatchEvent takes an Event");
      const state = eventState(event);
      if (state.dispatching) throw new DOMException("the event is being dispatched already", "InvalidStateError");
      state.trusted = false;
      return target.#dispatch(event, as);
    };
  }
}

function find(listeners: Registered[], type: string, listener: EventListener, capture: boolean): Registered | undefined {
  return listeners.find((other) => other.type === type && other.listener === listener && other.capture === capture);
}
