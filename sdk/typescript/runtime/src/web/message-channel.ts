// https://html.spec.whatwg.org/#message-channels, within one instance
import { Event, type EventInit } from "./event";
import { dispatchTrusted, EventTarget } from "./event-target";
import { handlerAttribute } from "./handler-attribute";
import { structuredClone } from "./structured-clone";
import { setTimer } from "./timers";

export interface MessageEventInit extends EventInit {
  data?: unknown;
  origin?: string;
  lastEventId?: string;
  source?: unknown;
  ports?: MessagePort[];
}

export class MessageEvent extends Event {
  readonly data: unknown;
  readonly origin: string;
  readonly lastEventId: string;
  readonly source: unknown;
  readonly ports: readonly MessagePort[];

  constructor(type: string, init: MessageEventInit = {}) {
    super(type, init);
    this.data = init.data === undefined ? null : init.data;
    this.origin = `${init.origin ?? ""}`;
    this.lastEventId = `${init.lastEventId ?? ""}`;
    this.source = init.source ?? null;
    this.ports = Object.freeze([...(init.ports ?? [])]);
  }

  override get [Symbol.toStringTag](): string {
    return "MessageEvent";
  }
}

const TOKEN: unique symbol = Symbol();

let entangle: (one: MessagePort, other: MessagePort) => void;

export class MessagePort extends EventTarget {
  #other: MessagePort | undefined;
  /** What has come before the port was started; undefined from then on. */
  #waiting: unknown[] | undefined = [];

  constructor(token?: typeof TOKEN) {
    if (token !== TOKEN) throw new TypeError("a MessagePort comes from a MessageChannel");
    super();
  }

  postMessage(message: unknown, options: readonly unknown[] | { transfer?: readonly unknown[] } = {}): void {
    if (arguments.length === 0) throw new TypeError("postMessage takes a message");
    const transfer = Symbol.iterator in options ? options : options.transfer;
    const data = structuredClone(message, transfer ? { transfer } : {});
    const other = this.#other;
    if (!other) return;
    if (other.#waiting) other.#waiting.push(data);
    else other.#deliver(data);
  }

  start(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const data of waiting ?? []) this.#deliver(data);
  }

  close(): void {
    if (this.#other) this.#other.#other = undefined;
    this.#other = undefined;
  }

  declare onmessage: ((event: Event) => unknown) | null;
  declare onmessageerror: ((event: Event) => unknown) | null;

  override get [Symbol.toStringTag](): string {
    return "MessagePort";
  }

  /** In a task of its own. */
  #deliver(data: unknown): void {
    setTimer(() => dispatchTrusted(this, new MessageEvent("message", { data })), 0);
  }

  static {
    handlerAttribute(this.prototype, "message");
    handlerAttribute(this.prototype, "messageerror");
    // A handler by attribute starts the port.
    const { get, set } = Object.getOwnPropertyDescriptor(this.prototype, "onmessage")!;
    Object.defineProperty(this.prototype, "onmessage", {
      configurable: true,
      enumerable: true,
      get: get!,
      set(this: MessagePort, value: unknown) {
        set!.call(this, value);
        this.start();
      },
    });
    entangle = (one, other) => {
      one.#other = other;
      other.#other = one;
    };
  }
}

export class MessageChannel {
  readonly port1: MessagePort = new MessagePort(TOKEN);
  readonly port2: MessagePort = new MessagePort(TOKEN);

  constructor() {
    entangle(this.port1, this.port2);
  }

  get [Symbol.toStringTag](): string {
    return "MessageChannel";
  }
}
