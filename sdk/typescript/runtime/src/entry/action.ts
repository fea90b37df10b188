import { host } from "../host";
import { start } from "../build-time";
import { CallError } from "../rusm/call-error";
import { env } from "../rusm/environment";
import { bodyBytes, malformedBodies, type Source } from "../web/body";
import { errorText } from "../web/describe-error";
import { inspect } from "../web/inspect";
import { incomingRequest, type Request } from "../web/request";
import { outgoing, Response } from "../web/response";
import { ReadableStream } from "../web/streams";
import { context, resetContext, waited } from "./context";
import { fail as failEntry } from "./event-loop";
import { encodeUtf8 } from "../web/text";
import { wellFormed } from "../web/well-formed";

export interface Action {
  name: string;
  call(request: Request): unknown;
}

/** `fetch` of the default export, as Workers have it: `(request, env, ctx)`. */
export function defaultAction(handler: (...args: unknown[]) => unknown, self: unknown): Action {
  return { name: "fetch", call: (request) => handler.call(self, request, env, context) };
}

/** A named export: `(request, context)`. */
export function namedAction(name: string, handler: (...args: unknown[]) => unknown): Action {
  return { name, call: (request) => handler(request, context) };
}

let asked: { method: string; target: string };

/** The request, as a line of the log names it: without the query, which may hold what a log must not. */
function line(): string {
  try {
    return `${asked.method} ${asked.target.split("?", 1)[0]}: `;
  } catch {
    // Code may have made anything of String.prototype, and an error is told all the same.
    return "";
  }
}

function fail(error: unknown): void {
  failEntry(error, line());
}

export function runAction(action: Action, method: string, target: string): void {
  start();
  resetContext();
  asked = { method, target };
  try {
    const take = method === "HEAD" ? answerHead : answer;
    const result = action.call(incomingRequest(method, target));
    if (result instanceof Response) take(action, result);
    else Promise.resolve(result).then((response) => take(action, response), refuse).catch(fail);
  } catch (error) {
    refuse(error);
  }
}

/** An action did not answer. A service that can't be reached is not the action's fault: the client is told so. */
function refuse(error: unknown): void {
  if (typeof error === "object" && error !== null && malformedBodies.has(error)) return refuseBody(error);
  if (!(error instanceof CallError) || error.status === 500) return fail(error);
  host.log("error", line() + errorText(error));
  host.answer(error.status, ["content-type", "text/plain; charset=utf-8"], error.status === 504 ? "Gateway Timeout\n" : "Service Unavailable\n");
}

/** The client's fault, and no error of the action's. */
function refuseBody(error: unknown): void {
  host.log("info", `${line()}malformed body: ${(error as Error).message}`);
  host.answer(400, ["content-type", "text/plain; charset=utf-8"], "Bad Request\n");
}

function answer(action: Action, response: unknown): void {
  outgoing(toResponse(action, response), send);
}

/** The host leaves the content out, and says how long it is; of a stream nothing is read. */
function answerHead(action: Action, response: unknown): void {
  outgoing(toResponse(action, response), (status, headers, body) => {
    if (body instanceof ReadableStream) sendHead(status, headers, body).catch(fail);
    else send(status, headers, body);
  });
}

function toResponse(action: Action, response: unknown): Response {
  if (response instanceof Response) return response;
  throw new TypeError(`the action \`${action.name}\` gave no Response but ${inspect(response)}`);
}

function send(status: number, headers: string[], body: Source | ReadableStream | undefined): void {
  if (typeof body === "string") return answerWhole(status, headers, wellFormed(body));
  if (body === null) return answerWhole(status, headers, undefined);
  if (body === undefined) throw new TypeError("the body of the Response was read already");
  if (body instanceof ReadableStream) sendStream(status, headers, body).catch(fail);
  else answerWhole(status, headers, bodyBytes(body));
}

function answerWhole(status: number, headers: string[], body: string | Uint8Array | undefined): void {
  if (status === 0) throw new TypeError("the action gave Response.error()");
  const wait = waited();
  if (wait) answerThenWait(status, headers, body, wait).catch(fail);
  else host.answer(status, headers, body);
}

/** The client has the whole response at once; the action goes on until what it waits for has settled. */
async function answerThenWait(status: number, headers: string[], body: string | Uint8Array | undefined, wait: Promise<void>): Promise<void> {
  if (asked.method === "HEAD") {
    await wait;
    return host.answer(status, headers, body);
  }
  const bytes = typeof body === "string" ? encodeUtf8(body) : (body ?? new Uint8Array(0));
  const sized = status === 204 || status === 304 || headers.includes("content-length") ? headers : [...headers, "content-length", `${bytes.length}`];
  host.respond(status, sized);
  if (bytes.length > 0) host.write(bytes);
  await wait;
  host.answer(status, headers);
}

async function sendHead(status: number, headers: string[], body: ReadableStream): Promise<void> {
  void body.cancel(new DOMException("the request is a HEAD", "AbortError")).catch(() => {});
  await waited();
  host.answer(status, headers);
}

/** Piece by piece: `write` waits for a slow client, and says when it has gone. */
async function sendStream(status: number, headers: string[], stream: ReadableStream): Promise<void> {
  const reader = stream.getReader();
  host.respond(status, headers);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!(value instanceof Uint8Array)) {
      const error = new TypeError(`the body of a response is a stream of Uint8Array, not of ${typeof value}: use TextEncoderStream for text`);
      await reader.cancel(error).catch(() => {});
      throw error;
    }
    if (value.length > 0 && !host.write(value)) {
      await reader.cancel(new DOMException("the client has gone", "AbortError")).catch(() => {});
      break;
    }
  }
  await waited();
  host.answer(status, headers);
}
