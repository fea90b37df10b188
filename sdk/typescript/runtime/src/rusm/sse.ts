// https://html.spec.whatwg.org/multipage/server-sent-events.html
import { Headers } from "../web/headers";
import type { Request } from "../web/request";
import { Response, type ResponseInit } from "../web/response";
import { ReadableStream, type ReadableStreamDefaultController } from "../web/streams";
import { decodeUtf8KeepingMark, encodeUtf8 } from "../web/text";
import { clearTimer, setTimer } from "../web/timers";

export interface SseEvent {
  /** Text as it is, anything else as its JSON. */
  data?: unknown;
  event?: string;
  id?: string | number;
  /** Milliseconds until the client comes again. */
  retry?: number;
  /** Clients ignore it. */
  comment?: string;
}

export interface SseOptions extends ResponseInit {
  /** A comment after so many milliseconds without an event: 15,000 is a good value. */
  heartbeatMs?: number;
}

let drained: (sink: EventSink) => void;
let closed: (sink: EventSink) => void;

/** What a function that sends events is given. */
export class EventSink {
  /** The id that a client which comes again saw last. */
  readonly lastEventId: string | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array>;
  #sent: () => void;
  #open = true;
  /** Of the sends that wait for room: there may be many at once. */
  #waiting: (() => void)[] = [];

  constructor(lastEventId: string | undefined, controller: ReadableStreamDefaultController<Uint8Array>, sent: () => void) {
    this.lastEventId = lastEventId;
    this.#controller = controller;
    this.#sent = sent;
  }

  /** False once the client is gone. Resolves when it was sent: a slow client makes it wait. */
  async send(event: SseEvent | string): Promise<boolean> {
    if (!this.#open) return false;
    this.#controller.enqueue(encodeUtf8(encodeEvent(event)));
    this.#sent();
    await this.#room();
    return this.#open;
  }

  async comment(text = ""): Promise<boolean> {
    return this.send({ comment: text });
  }

  #room(): Promise<void> {
    return new Promise((done) => {
      if (!this.#open || (this.#controller.desiredSize ?? 0) > 0) done();
      else this.#waiting.push(done);
    });
  }

  static {
    // All that was sent before is gone, so all of them are done.
    drained = (sink) => {
      for (const done of sink.#waiting.splice(0)) done();
    };
    closed = (sink) => {
      sink.#open = false;
      drained(sink);
    };
  }
}

export type EventSource = (events: EventSink) => AsyncIterable<SseEvent | string> | Iterable<SseEvent | string> | Promise<void> | void;

/** A response of Server-Sent Events: those that a generator yields, or that a function sends until it returns. */
export function sse(request: Request, source: EventSource, options: SseOptions = {}): Response {
  const headers = new Headers(options.headers);
  if (!headers.has("content-type")) headers.set("content-type", "text/event-stream");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-cache");
  const lastEventId = lastEventIdOf(request.headers);
  let sink: EventSink;
  let timer: number | undefined;
  let iterator: AsyncIterator<SseEvent | string> | undefined;

  const beat = (): void => {
    if (options.heartbeatMs === undefined) return;
    if (timer !== undefined) clearTimer(timer);
    timer = setTimer(() => void sink.comment(), options.heartbeatMs);
  };
  const end = (): void => {
    closed(sink);
    if (timer !== undefined) clearTimer(timer);
  };
  const feed = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      const made = source(sink);
      if (isIterable(made)) {
        iterator = iteratorOf(made);
        for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
          if (!(await sink.send(next.value))) break;
        }
      } else {
        await made;
      }
      end();
      controller.close();
    } catch (error) {
      end();
      controller.error(error);
    }
  };

  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      sink = new EventSink(lastEventId, controller, beat);
      beat();
      // Not waited for: `pull` is called while it runs.
      void feed(controller);
    },
    pull: () => drained(sink),
    async cancel() {
      end();
      await iterator?.return?.();
    },
  });
  return new Response(stream, { ...options, headers });
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, backwards. */
export function encodeEvent(event: SseEvent | string): string {
  if (typeof event === "string") return `${lines("data", event)}\n`;
  let text = "";
  if (event.comment !== undefined) text += lines("", event.comment);
  if (event.event !== undefined) text += `event: ${oneLine("event", event.event)}\n`;
  if (event.id !== undefined) text += `id: ${oneLine("id", `${event.id}`)}\n`;
  if (event.retry !== undefined) text += `retry: ${Math.max(0, Math.ceil(event.retry))}\n`;
  if (event.data !== undefined) text += lines("data", typeof event.data === "string" ? event.data : JSON.stringify(event.data));
  return `${text}\n`;
}

function lines(field: string, value: string): string {
  return value.split(/\r\n|\r|\n/).map((line) => `${field}: ${line}\n`).join("");
}

function oneLine(field: string, value: string): string {
  if (/[\r\n]/.test(value) || (field === "id" && value.includes("\0"))) throw new TypeError(`the ${field} of an event is one line`);
  return value;
}

/** A browser sends the id as UTF-8, and a header's value has a char for each byte. */
function lastEventIdOf(headers: Headers): string | undefined {
  const value = headers.get("last-event-id");
  return value === null ? undefined : decodeUtf8KeepingMark(Uint8Array.from(value, (char) => char.charCodeAt(0)));
}

type Items = AsyncIterable<SseEvent | string> | Iterable<SseEvent | string>;

function isIterable(value: unknown): value is Items {
  return typeof value === "object" && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

function iteratorOf(items: Items): AsyncIterator<SseEvent | string> {
  if (Symbol.asyncIterator in items) return items[Symbol.asyncIterator]();
  const inner = items[Symbol.iterator]();
  return { next: async () => inner.next(), return: async () => inner.return?.() ?? { done: true, value: undefined } };
}
