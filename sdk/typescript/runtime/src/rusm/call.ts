import { host } from "../host";
import { fetchedResponse, type Response } from "../web/response";
import { incomingParts, Request } from "../web/request";
import { CallError, callError } from "./call-error";
import { resolve, type Pid, type Target } from "./pid";
import { decodeAnswer, decodeChunk, encodeArguments, type Chunk } from "./wire";

const TIMEOUT_MS = 5000;

/** Calls a function of a process and waits for its answer, 5 s at most. A function among the arguments is a callback of the callee's. */
export async function call(target: Target, fn: string, ...args: unknown[]): Promise<unknown> {
  return callWithin(TIMEOUT_MS, target, fn, args);
}

export async function callWithin(timeoutMs: number, target: Target, fn: string, args: unknown[]): Promise<unknown> {
  const pid = resolve(target);
  if (args.some((arg) => typeof arg === "function")) return callWithCallbacks(pid, fn, args);
  return decodeAnswer(attempt(() => host.call(pid, fn, encodeArguments(args), timeoutMs)));
}

/** Calls it and does not wait; there is no answer. */
export async function cast(target: Target, fn: string, ...args: unknown[]): Promise<void> {
  const pid = resolve(target);
  attempt(() => host.cast(pid, fn, encodeArguments(args)));
}

/** The items that a function answers with, as they come: one that returns an iterator in Rust, a generator here. */
export async function* callStream(target: Target, fn: string, ...args: unknown[]): AsyncGenerator<unknown, void> {
  for (const chunk of chunks(resolve(target), fn, args)) {
    if (chunk.tag !== "item") throw new CallError("decode", "the stream carries something else");
    yield decodeAnswer(chunk.json);
  }
}

/** Calls a function of a component in a fresh process, which ends with the answer. Needs `allow-spawn`. */
export async function run(component: string, fn: string, ...args: unknown[]): Promise<unknown> {
  return runWithin(TIMEOUT_MS, component, fn, args);
}

export async function runWithin(timeoutMs: number, component: string, fn: string, args: unknown[]): Promise<unknown> {
  return decodeAnswer(attempt(() => host.run(component, fn, encodeArguments(args), timeoutMs)));
}

/** Calls an action of a handler component, in a fresh process. Needs `allow-spawn`. */
export async function fetchAction(component: string, action: string, request: Request, options: { timeoutMs?: number; params?: Record<string, string> } = {}): Promise<Response> {
  const { method, target, headers, body } = await incomingParts(request);
  const params = Object.entries(options.params ?? {}).flat();
  const fetched = attempt(() => host.fetchAction(component, action, method, target, headers, params, body, options.timeoutMs ?? TIMEOUT_MS));
  return fetchedResponse(fetched, request.url, false);
}

async function callWithCallbacks(pid: Pid, fn: string, args: unknown[]): Promise<unknown> {
  const callbacks: ((argument: unknown) => unknown)[] = [];
  const numbered = args.map((arg) => (typeof arg === "function" ? callbacks.push(arg as (argument: unknown) => unknown) - 1 : arg));
  for (const chunk of chunks(pid, fn, numbered)) {
    if (chunk.tag === "answer") return decodeAnswer(chunk.json);
    const callback = chunk.tag === "callback" ? callbacks[chunk.index] : undefined;
    if (!callback) throw new CallError("decode", "the stream carries something else");
    await callback(decodeAnswer(chunk.json));
  }
  throw new CallError("decode", "the stream ended early");
}

function* chunks(pid: Pid, fn: string, args: unknown[]): Generator<Chunk, void> {
  const stream = attempt(() => host.callStream(pid, fn, encodeArguments(args)));
  try {
    for (;;) {
      const bytes = host.streamRead(stream);
      if (bytes === undefined) {
        const why = host.streamFailure(stream);
        if (why !== undefined) throw new CallError("failed", why);
        return;
      }
      yield decodeChunk(new Uint8Array(bytes));
    }
  } finally {
    // Tells the function that nobody reads on.
    host.streamClose(stream);
  }
}

export function attempt<T>(made: () => T): T {
  try {
    return made();
  } catch (error) {
    throw callError(error);
  }
}
