// https://fetch.spec.whatwg.org/#request-class
import { host } from "../host";
import { AbortSignal, dependentSignal, newSignal } from "./abort";
import { Body, cloneBody, extract, setBody, takeBody, type BodyInit, type Source } from "./body";
import { flatHeaders, Headers, lazyHeaders, type HeadersInit } from "./headers";
import type { ReadableStream } from "./streams";
import { URL } from "./url";

export interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  redirect?: RequestRedirect;
  signal?: AbortSignal | null;
  [other: string]: unknown;
}

export type RequestRedirect = "follow" | "error" | "manual";

/** The request that this instance answers; its URL, headers and body are asked for when they are looked at. */
export let incomingRequest: (method: string, target: string) => Request;

/** The signal, if it has one: none is made for it. */
export let requestSignal: (request: Request) => AbortSignal | undefined;

/** Only this module has it, so that no author's object is taken for it. */
const FROM_HOST = Symbol();

interface Options {
  readonly redirect: RequestRedirect;
  readonly signal: AbortSignal | undefined;
}

const DEFAULTS: Options = { redirect: "follow", signal: undefined };

export class Request extends Body {
  #method: string;
  /** None yet for a request of the host's. */
  #url: string | undefined;
  #target: string | undefined;
  #headers: Headers | undefined;
  #options: Options = DEFAULTS;

  constructor(input: string | URL | Request, init?: RequestInit) {
    if ((input as unknown) === FROM_HOST) {
      super(null, null);
      this.#method = "GET";
      return;
    }
    const from = input instanceof Request ? input : undefined;
    const options = (init ?? {}) as RequestInit;
    if (typeof options !== "object" && typeof options !== "function") throw new TypeError("the init of a Request is an object");
    const url = from ? from.url : parseUrl(input as string);
    const method = options.method === undefined ? (from ? from.#method : "GET") : toMethod(options.method);
    const headers = new Headers(options.headers ?? from?.headers);
    const redirect = options.redirect === undefined ? (from ? from.#options.redirect : "follow") : `${options.redirect}`;
    if (redirect !== "follow" && redirect !== "error" && redirect !== "manual") throw new TypeError(`redirect is follow, error or manual, not ${redirect}`);
    const signal = options.signal !== undefined ? options.signal : from ? from.#options.signal : undefined;
    if (signal && !(signal instanceof AbortSignal)) throw new TypeError("signal is an AbortSignal");
    const bare = method === "GET" || method === "HEAD";
    let source: Source = null;
    let stream: ReadableStream | null = null;
    if (options.body !== undefined && options.body !== null) {
      if (bare) throw new TypeError(`a ${method} request has no body`);
      const extracted = extract(options.body);
      ({ source, stream } = extracted);
      if (extracted.type !== null && !headers.has("content-type")) headers.append("content-type", extracted.type);
    } else if (from) {
      if (bare && from.body !== null) throw new TypeError(`a ${method} request has no body`);
      [source, stream] = takeBody(from);
    }
    super(source, stream);
    this.#method = method;
    this.#url = url;
    this.#headers = headers;
    // A dependent signal: a listener of this request's does not stay at the caller's.
    if (signal || redirect !== "follow") this.#options = { redirect, signal: signal ? dependentSignal([signal]) : undefined };
  }

  get method(): string {
    return this.#method;
  }

  get url(): string {
    return (this.#url ??= this.#hostUrl());
  }

  get headers(): Headers {
    return (this.#headers ??= lazyHeaders(hostHeaders));
  }

  get redirect(): RequestRedirect {
    return this.#options.redirect;
  }

  get signal(): AbortSignal {
    if (!this.#options.signal) this.#options = { ...this.#options, signal: newSignal() };
    return this.#options.signal!;
  }

  get cache(): string {
    return "default";
  }

  get credentials(): string {
    return "same-origin";
  }

  get destination(): string {
    return "";
  }

  get duplex(): string {
    return "half";
  }

  get integrity(): string {
    return "";
  }

  get keepalive(): boolean {
    return false;
  }

  get mode(): string {
    return "cors";
  }

  get referrer(): string {
    return "about:client";
  }

  get referrerPolicy(): string {
    return "";
  }

  clone(): Request {
    const [source, stream] = cloneBody(this);
    const copy = new Request(this.url, { method: this.#method, redirect: this.#options.redirect, signal: this.#options.signal ?? null });
    setBody(copy, source, stream);
    copy.#headers = new Headers(this.headers);
    return copy;
  }

  get [Symbol.toStringTag](): string {
    return "Request";
  }

  protected override contentType(): string | null {
    return this.headers.get("content-type");
  }

  #hostUrl(): string {
    return incomingUrl(this.headers.get("host"), this.#target!);
  }

  static {
    requestSignal = (request) => request.#options.signal;
    const make = (): Request => new Request(FROM_HOST as unknown as string);
    // Made before the snapshot, as an instance answers one request.
    let ready: Request | undefined = make();
    incomingRequest = (method, target) => {
      const request = ready ?? make();
      ready = undefined;
      request.#method = method;
      request.#target = target;
      if (method !== "GET" && method !== "HEAD") setBody(request, hostBody, null);
      return request;
    };
  }
}

/** The URL of a request that came; without a host that a URL can have it is localhost's. */
export function incomingUrl(authority: string | null, target: string): string {
  const path = target.startsWith("/") ? target : "/";
  const url = `http://${authority !== null && AUTHORITY.test(authority) ? authority : "localhost"}${path}`;
  // What the URL parser would leave as it is needs none.
  if (PLAIN.test(url)) return url;
  return host.urlParse(url)?.[0] ?? host.urlParse(`http://localhost${path}`)?.[0] ?? "http://localhost/";
}

/** Without what would end it, or the user before it. */
const AUTHORITY = /^[^@/?#\\\s]+$/;

/** A lower-case host that is no number and in no punycode, a port that is not the scheme's own, and no dot segments (nor `%2e`). */
const PLAIN = /^http:\/\/(?!(?:[^/]*\.)?xn--)[a-z][a-z\d-]*(?:\.[a-z][a-z\d-]*)*(?::(?!80\/|0)\d{1,4})?(?!.*(?:\/|%2[eE])(?:\.|%2[eE]))\/[\w\-.~/%!$&()*+,;=:@]*(?:\?[\w\-.~/%!$&()*+,;=:@?]*)?$/;

function hostHeaders(): string[] {
  return host.requestHeaders();
}

function hostBody(): Uint8Array {
  return new Uint8Array(host.requestBody());
}

function parseUrl(input: string | URL): string {
  const url = new URL(input);
  if (url.username || url.password) throw new TypeError("the URL of a request has no user and password: use the header authorization");
  return url.href;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function toMethod(method: unknown): string {
  const text = `${method as string}`;
  if (!TOKEN.test(text)) throw new TypeError(`not a method: ${JSON.stringify(text)}`);
  const upper = text.toUpperCase();
  if (upper === "CONNECT" || upper === "TRACE" || upper === "TRACK") throw new TypeError(`the method ${upper} is not allowed`);
  return /^(?:DELETE|GET|HEAD|OPTIONS|POST|PUT)$/.test(upper) ? upper : text;
}

/** A request as an action of another component gets it. */
export async function incomingParts(request: Request): Promise<{ method: string; target: string; headers: string[]; body: Uint8Array }> {
  const { method, url } = request;
  const { host: authority, pathname, search } = new URL(url);
  const headers = flatHeaders(request.headers);
  if (!request.headers.has("host")) headers.unshift("host", authority);
  return { method, target: pathname + search, headers, body: request.body === null ? new Uint8Array(0) : await request.bytes() };
}
