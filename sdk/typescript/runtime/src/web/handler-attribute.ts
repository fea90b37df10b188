// https://html.spec.whatwg.org/#event-handler-idl-attributes
import type { Event } from "./event";
import type { EventTarget } from "./event-target";

type Handler = ((event: Event) => unknown) | null;

/** Gives a prototype the attribute `on<type>`. */
export function handlerAttribute(prototype: EventTarget, type: string): void {
  const handlers = new WeakMap<EventTarget, { handler: Handler }>();
  Object.defineProperty(prototype, `on${type}`, {
    configurable: true,
    enumerable: true,
    get(this: EventTarget): Handler {
      return handlers.get(this)?.handler ?? null;
    },
    set(this: EventTarget, value: unknown) {
      const handler = typeof value === "function" ? (value as Handler) : null;
      const entry = handlers.get(this);
      if (entry) {
        entry.handler = handler;
      } else if (handler) {
        const made: { handler: Handler } = { handler };
        handlers.set(this, made);
        this.addEventListener(type, (event) => made.handler?.call(this, event));
      }
    },
  });
}
