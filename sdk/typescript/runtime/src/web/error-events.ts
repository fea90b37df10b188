// https://html.spec.whatwg.org/#errorevent, https://html.spec.whatwg.org/#promiserejectionevent
import { Event, type EventInit } from "./event";

export interface ErrorEventInit extends EventInit {
  message?: string;
  filename?: string;
  lineno?: number;
  colno?: number;
  error?: unknown;
}

export class ErrorEvent extends Event {
  readonly message: string;
  readonly filename: string;
  readonly lineno: number;
  readonly colno: number;
  readonly error: unknown;

  constructor(type: string, init: ErrorEventInit = {}) {
    super(type, init);
    this.message = `${init.message ?? ""}`;
    this.filename = `${init.filename ?? ""}`;
    this.lineno = Number(init.lineno ?? 0) >>> 0;
    this.colno = Number(init.colno ?? 0) >>> 0;
    this.error = init.error;
  }

  override get [Symbol.toStringTag](): string {
    return "ErrorEvent";
  }
}

export interface PromiseRejectionEventInit extends EventInit {
  promise: Promise<unknown>;
  reason?: unknown;
}

export class PromiseRejectionEvent extends Event {
  readonly promise: Promise<unknown>;
  readonly reason: unknown;

  constructor(type: string, init: PromiseRejectionEventInit) {
    if (typeof init !== "object" || init === null || !("promise" in init)) throw new TypeError("a PromiseRejectionEvent has a promise");
    super(type, init);
    this.promise = init.promise;
    this.reason = init.reason;
  }

  override get [Symbol.toStringTag](): string {
    return "PromiseRejectionEvent";
  }
}
