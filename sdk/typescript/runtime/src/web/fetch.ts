// https://fetch.spec.whatwg.org/#fetch-method: a request whole, its response whole
import { host, type Fetched } from "../host";
import { started } from "../build-time";
import { signalDeadline } from "./abort";
import { bodyParts, bodyBytes } from "./body";
import { concat } from "./bytes";
import { now } from "./clock";
import { flatHeaders } from "./headers";
import { Request, requestSignal, type RequestInit } from "./request";
import { fetchedResponse, type Response } from "./response";
import { readAll, ReadableStream } from "./streams";
import { URL } from "./url";

/** Of the whole of it, as long as no signal says less. */
const TIMEOUT_MS = 30_000;
/** The host has a limit of its own: what the guest's memory can take. */
const MAX_BODY = Number.MAX_SAFE_INTEGER;
const MAX_REDIRECTS = 20;

export async function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  started("fetch");
  const request = new Request(input, init);
  const signal = requestSignal(request);
  signal?.throwIfAborted();
  let body = await wholeBody(request);
  let { method, url } = request;
  let headers = flatHeaders(request.headers);
  if (!has(headers, "accept")) headers.push("accept", "*/*");
  if (!has(headers, "user-agent")) headers.push("user-agent", USER_AGENT);

  for (let redirects = 0; ; redirects++) {
    signal?.throwIfAborted();
    const scheme = url.slice(0, url.indexOf(":"));
    if (scheme !== "http" && scheme !== "https") throw failed(url, new Error(`the scheme ${scheme} is not supported: http and https are`));
    const fetched = send(method, url, headers, body, signal ? signalDeadline(signal) - now() : Infinity);
    const location = isRedirect(fetched.status) ? valueOf(fetched.headers, "location") : undefined;
    if (location === undefined || request.redirect === "manual") return fetchedResponse(fetched, withoutFragment(url), redirects > 0);
    if (request.redirect === "error") throw failed(url, new Error(`it redirects to ${location}, and redirect is "error"`));
    if (redirects === MAX_REDIRECTS) throw failed(url, new Error(`more than ${MAX_REDIRECTS} redirections`));

    // https://fetch.spec.whatwg.org/#http-redirect-fetch
    const from = new URL(url);
    const to = URL.parse(location, from);
    if (!to) throw failed(url, new Error(`it redirects to ${JSON.stringify(location)}, which is no URL`));
    if (!to.hash) to.hash = from.hash;
    if (((fetched.status === 301 || fetched.status === 302) && method === "POST") || (fetched.status === 303 && method !== "GET" && method !== "HEAD")) {
      method = "GET";
      body = new Uint8Array(0);
      headers = without(headers, /^content-(?:encoding|language|location|type|length)$/);
    }
    if (to.origin !== from.origin) headers = without(headers, /^(?:authorization|cookie|host|proxy-authorization)$/);
    url = to.href;
  }
}

export const USER_AGENT = "rusm";

function send(method: string, url: string, headers: string[], body: Uint8Array, remaining: number): Fetched {
  const timeout = Math.max(0, Math.ceil(Math.min(remaining, TIMEOUT_MS)));
  try {
    return host.fetch(method, withoutFragment(url), headers, body, timeout, MAX_BODY);
  } catch (error) {
    if ((error as { kind?: string }).kind === "timeout" && remaining < TIMEOUT_MS) throw new DOMException("the operation timed out", "TimeoutError");
    throw failed(url, error);
  }
}

/** A TypeError, as the specification wants it; what it was is the cause. */
function failed(url: string, cause: unknown): TypeError {
  const kind = (cause as { kind?: string }).kind;
  const why = (cause as Error).message;
  const said = kind === "denied" ? `not allowed by the capability profile (allow-network): ${why}` : kind === "timeout" ? "no answer in time" : why;
  return new TypeError(`fetch of ${url} failed: ${said}`, { cause });
}

async function wholeBody(request: Request): Promise<Uint8Array> {
  const body = bodyParts(request);
  if (body === undefined) throw new TypeError("the body of the request was read already, or is locked");
  if (body === null) return new Uint8Array(0);
  return body instanceof ReadableStream ? concat(await readAll(body)) : bodyBytes(body);
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function has(headers: string[], name: string): boolean {
  return valueOf(headers, name) !== undefined;
}

function valueOf(headers: string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) return headers[i + 1];
  }
  return undefined;
}

function without(headers: string[], names: RegExp): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (!names.test(headers[i]!)) kept.push(headers[i]!, headers[i + 1]!);
  }
  return kept;
}

function withoutFragment(url: string): string {
  const hash = url.indexOf("#");
  return hash === -1 ? url : url.slice(0, hash);
}
