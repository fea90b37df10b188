// https://fetch.spec.whatwg.org/#response-class
import { Body, bodyParts, cloneBody, extract, setBody, type BodyInit, type Source } from "./body";
import { flatHeaders, freezeHeaders, Headers, lazyHeaders, type HeadersInit } from "./headers";
import type { ReadableStream } from "./streams";
import { URL } from "./url";
import type { Fetched } from "../host";

export interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
}

/** Gives what is sent of it: its headers flat, which nobody may change; a body of undefined was read. */
export let outgoing: <T>(response: Response, take: (status: number, headers: string[], body: Source | ReadableStream | undefined) => T) => T;
export let fetchedResponse: (fetched: Fetched, url: string, redirected: boolean) => Response;

/** Where it comes from: the same object for all that are made here, so that making one is cheap. */
interface Origin {
  type: "default" | "basic" | "error";
  url: string;
  redirected: boolean;
  statusText: string;
}

const TEXT = "text/plain;charset=UTF-8";
const TEXT_HEADERS = ["content-type", TEXT];
const JSON_TYPE = "application/json";
const MADE: Origin = { type: "default", url: "", redirected: false, statusText: "" };

export class Response extends Body {
  #status = 200;
  /** None yet if they are just the content type. */
  #headers: Headers | undefined;
  #contentType: string | null = null;
  #origin: Origin = MADE;

  constructor(body?: BodyInit | null, init?: ResponseInit) {
    if (typeof body === "string") {
      super(body, null);
      this.#contentType = TEXT;
    } else if (body === undefined || body === null) {
      super(null, null);
    } else {
      const extracted = extract(body);
      super(extracted.source, extracted.stream);
      this.#contentType = extracted.type;
    }
    if (init !== undefined && init !== null) this.#init(init, body !== undefined && body !== null);
  }

  static json(data: unknown, init?: ResponseInit): Response {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError("the value has no JSON");
    const response = new Response(text);
    response.#contentType = JSON_TYPE;
    if (init !== undefined && init !== null) response.#init(init, true);
    return response;
  }

  static redirect(url: string | URL, status = 302): Response {
    const location = new URL(url).href;
    if (![301, 302, 303, 307, 308].includes(Number(status))) throw new RangeError(`${status} is no status of a redirection`);
    const response = new Response(null);
    response.#status = Number(status);
    response.#headers = freezeHeaders(new Headers([["location", location]]));
    return response;
  }

  static error(): Response {
    const response = new Response(null);
    response.#origin = { ...MADE, type: "error" };
    response.#status = 0;
    response.#headers = freezeHeaders(new Headers());
    return response;
  }

  get status(): number {
    return this.#status;
  }

  get ok(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  get statusText(): string {
    return this.#origin.statusText;
  }

  get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = new Headers();
      if (this.#contentType !== null) this.#headers.append("content-type", this.#contentType);
    }
    return this.#headers;
  }

  get type(): Origin["type"] {
    return this.#origin.type;
  }

  get url(): string {
    return this.#origin.url;
  }

  get redirected(): boolean {
    return this.#origin.redirected;
  }

  clone(): Response {
    const [source, stream] = cloneBody(this);
    const copy = new Response(null);
    setBody(copy, source, stream);
    copy.#status = this.#status;
    copy.#headers = new Headers(this.headers);
    copy.#origin = this.#origin;
    return copy;
  }

  get [Symbol.toStringTag](): string {
    return "Response";
  }

  protected override contentType(): string | null {
    return this.headers.get("content-type");
  }

  #init(init: ResponseInit, hasBody: boolean): void {
    if (typeof init !== "object" && typeof init !== "function") throw new TypeError("the init of a Response is an object");
    const { status, statusText, headers } = init;
    if (status !== undefined) {
      const code = toUnsignedShort(status);
      if (code < 200 || code > 599) throw new RangeError(`a status is 200 to 599, not ${status}`);
      if (hasBody && (code === 204 || code === 205 || code === 304)) throw new TypeError(`a response of status ${code} has no body`);
      this.#status = code;
    }
    if (statusText !== undefined) {
      const text = `${statusText}`;
      if (/[^\t\x20-\x7e\x80-\xff]/.test(text)) throw new TypeError("statusText is no reason phrase");
      if (text !== "") this.#origin = { ...this.#origin, statusText: text };
    }
    if (headers !== undefined) {
      const made = new Headers(headers);
      if (this.#contentType !== null && !made.has("content-type")) made.append("content-type", this.#contentType);
      this.#headers = made;
    }
  }

  static {
    outgoing = (response, take) => take(response.#status, headersOf(response), bodyParts(response));
    const headersOf = (response: Response): string[] => {
      if (response.#headers !== undefined) return flatHeaders(response.#headers);
      const type = response.#contentType;
      if (type === TEXT) return TEXT_HEADERS;
      return type === null ? [] : ["content-type", type];
    };
    fetchedResponse = (fetched, url, redirected) => {
      const { status, headers, body } = fetched;
      const empty = status === 204 || status === 205 || status === 304;
      const response = new Response(null);
      if (!empty) setBody(response, new Uint8Array(body), null);
      response.#status = status;
      response.#headers = lazyHeaders(() => headers);
      response.#origin = { type: "basic", url, redirected, statusText: "" };
      return response;
    };
  }
}


function toUnsignedShort(value: unknown): number {
  const number = Number(value);
  return Number.isFinite(number) ? Math.trunc(number) & 0xffff : 0;
}
