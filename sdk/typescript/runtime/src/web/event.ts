// https://dom.spec.whatwg.org/#interface-event
import { now } from "./clock";

export interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

/** What EventTarget does to an event that it dispatches. */
export let eventState: (event: Event) => EventState;

export interface EventState {
  target: unknown;
  dispatching: boolean;
  phase: number;
  passive: boolean;
  stopped: boolean;
  stoppedNow: boolean;
  canceled: boolean;
  trusted: boolean;
}

export class Event {

  declare readonly NONE: 0;
  declare readonly CAPTURING_PHASE: 1;
  declare readonly AT_TARGET: 2;
  declare readonly BUBBLING_PHASE: 3;

  #type: string;
  #bubbles: boolean;
  #cancelable: boolean;
  #composed: boolean;
  #time = now();
  #state: EventState = {
    target: null,
    dispatching: false,
    phase: 0,
    passive: false,
    stopped: false,
    stoppedNow: false,
    canceled: false,
    trusted: false,
  };

  constructor(type: string, init: EventInit = {}) {
    if (arguments.length === 0) throw new TypeError("an Event has a type");
    this.#type = `${type}`;
    this.#bubbles = !!init?.bubbles;
    this.#cancelable = !!init?.cancelable;
    this.#composed = !!init?.composed;
  }

  get type(): string {
    return this.#type;
  }

  get bubbles(): boolean {
    return this.#bubbles;
  }

  get cancelable(): boolean {
    return this.#cancelable;
  }

  get composed(): boolean {
    return this.#composed;
  }

  get timeStamp(): number {
    return this.#time;
  }

  get isTrusted(): boolean {
    return this.#state.trusted;
  }

  get target(): unknown {
    return this.#state.target;
  }

  get srcElement(): unknown {
    return this.#state.target;
  }

  get currentTarget(): unknown {
    return this.#state.dispatching ? this.#state.target : null;
  }

  get eventPhase(): number {
    return this.#state.phase;
  }

  get defaultPrevented(): boolean {
    return this.#state.canceled;
  }

  get returnValue(): boolean {
    return !this.#state.canceled;
  }

  set returnValue(value: boolean) {
    if (!value) this.preventDefault();
  }

  get cancelBubble(): boolean {
    return this.#state.stopped;
  }

  set cancelBubble(value: boolean) {
    if (value) this.#state.stopped = true;
  }

  composedPath(): unknown[] {
    return this.#state.dispatching ? [this.#state.target] : [];
  }

  preventDefault(): void {
    if (this.#cancelable && !this.#state.passive) this.#state.canceled = true;
  }

  stopPropagation(): void {
    this.#state.stopped = true;
  }

  stopImmediatePropagation(): void {
    this.#state.stopped = true;
    this.#state.stoppedNow = true;
  }

  initEvent(type: string, bubbles = false, cancelable = false): void {
    if (arguments.length === 0) throw new TypeError("an Event has a type");
    if (this.#state.dispatching) return;
    this.#type = `${type}`;
    this.#bubbles = !!bubbles;
    this.#cancelable = !!cancelable;
    Object.assign(this.#state, { target: null, stopped: false, stoppedNow: false, canceled: false, trusted: false });
  }

  get [Symbol.toStringTag](): string {
    return "Event";
  }

  static {
    eventState = (event) => event.#state;
    for (const [name, value] of [["NONE", 0], ["CAPTURING_PHASE", 1], ["AT_TARGET", 2], ["BUBBLING_PHASE", 3]] as const) {
      const constant = { value, enumerable: true, writable: false, configurable: false };
      Object.defineProperty(this, name, constant);
      Object.defineProperty(this.prototype, name, constant);
    }
  }
}

export interface CustomEventInit<T = unknown> extends EventInit {
  detail?: T;
}

export class CustomEvent<T = unknown> extends Event {
  #detail: T | null;

  constructor(type: string, init: CustomEventInit<T> = {}) {
    super(type, init);
    this.#detail = init?.detail ?? null;
  }

  get detail(): T | null {
    return this.#detail;
  }

  override get [Symbol.toStringTag](): string {
    return "CustomEvent";
  }
}
