// The module `rusm`: what a component is, and processes, messages, groups, the store and events.

declare module "rusm" {
  // What a module's default export says that its component is. Top-level code runs once, at build time: it has no
  // clock, no randomness, no environment, no timers and no network.

  /**
   * A default export that answers requests: `export default { fetch(request) { ... } } satisfies Handler`. A function
   * `(request, env, ctx)` is one, too. Each request is answered by a fresh instance.
   */
  export interface Handler {
    fetch(request: Request, env: Env, ctx: Context): Response | Promise<Response>;
  }

  /** A named export of a handler, which routes name as `component#action`. */
  export type Action = (request: Request, context: Context) => Response | Promise<Response>;

  export interface Context {
    /** What the route captured, percent-decoded; `*` is what a trailing `*` did. */
    readonly params: Readonly<Record<string, string>>;
    readonly env: Env;
    /** Address and port of the client. */
    readonly remoteAddr: string;
    /** The request is over, and its response complete, when the promise has settled. */
    waitUntil(promise: unknown): void;
    /** Empty: here for frameworks that were written for Workers. */
    readonly props: Readonly<Record<string, never>>;
    /** Does nothing: here for handlers that call it. */
    passThroughOnException(): void;
  }

  /**
   * The variables that the profile grants. An app can name its own, in a file such as `types/env.d.ts`:
   * `declare module "rusm" { interface Env { DATABASE_URL: string } }`.
   */
  export interface Env {
    [name: string]: string | undefined;
  }

  /** As `env` of an action's context. Top-level code may not read it. */
  export const env: Env;

  /** What `service` takes. Other properties are its state, which functions reach by `this`. */
  export interface ServiceDefinition {
    /** Called once, before anything else; what comes meanwhile waits for its promise. */
    init?(): unknown;
    /** Takes what others send, and the ends of monitored and linked processes. */
    onMail?(mail: Mail): unknown;
    /**
     * Called by name. Arguments and results travel as JSON. The items of a generator go to the caller as they come;
     * what is thrown is the caller's `CallError` of the kind `failed`.
     */
    [name: string]: unknown;
  }

  /** A process that is kept, with these functions: `export default service({ ... })`. */
  export function service<T extends ServiceDefinition>(definition: T): T;

  export interface WebSocketDefinition {
    open?(socket: Socket): unknown;
    message(socket: Socket, data: string | Uint8Array<ArrayBuffer>): unknown;
    /** 1006 if the client left without a closing handshake. */
    close?(socket: Socket, code: number, reason: string): unknown;
    onMail?(socket: Socket, mail: Mail): unknown;
  }

  /** A process for each WebSocket: `export default websocket({ ... })`. Other properties are its state. */
  export function websocket<T extends WebSocketDefinition>(definition: T): T;

  /** The WebSocket of this process, and the request that opened it. */
  export interface Socket {
    readonly url: string;
    readonly params: Readonly<Record<string, string>>;
    readonly headers: Headers;
    /** Address and port of the client. */
    readonly remoteAddr: string;
    readonly subprotocol: string | undefined;
    /** Text or bytes; false once the client is gone. A slow client makes it wait. */
    send(data: string | BufferSource): boolean;
    /** 1000 without a code. RFC 6455, section 7.4: 1000, 1001, 1003, 1007 to 1014, 3000 to 4999. */
    close(code?: number, reason?: string): void;
  }

  /** A process whose life is this function: `export default process(async () => { ... })`. */
  export function process<T extends () => unknown>(main: T): T;

  // Processes

  const pid: unique symbol;

  /** A process, in decimal: as a number it would lose its last bits. */
  export type Pid = string & { readonly [pid]: true };

  /** A process, or the name of one. What consists of digits alone is a pid. */
  export type Target = Pid | string;

  export function isPid(target: string): target is Pid;

  /** This process. */
  export function self(): Pid;

  /** Starts a component as a process, on this core. Needs `allow-spawn`. */
  export function spawn(component: string): Promise<Pid>;

  /** The process of this name. */
  export function whereis(name: string): Pid | undefined;

  /** Takes a name for this process, until it ends; false if another process has it. */
  export function register(name: string): boolean;

  export function unregister(name: string): boolean;

  /** When the process ends, or if it is gone already, this one gets a mail `down`. */
  export function monitor(pid: Pid): void;

  export function demonitor(pid: Pid): void;

  /** When either ends otherwise than normally, so does the other. Needs `allow-process-control`, except for processes that this one spawned. */
  export function link(pid: Pid): void;

  export function unlink(pid: Pid): void;

  /** Whether this process gets a mail `exit` when a linked process ends, instead of ending with it. */
  export function trapExit(on: boolean): void;

  /** Ends this process: normally, or with a reason that its links and monitors see. */
  export function exit(reason?: string): never;

  /** Ends a process; false if it was gone. Needs `allow-process-control`, except for processes that this one spawned. */
  export function kill(pid: Pid): boolean;

  export function isAlive(pid: Pid): boolean;

  /** All processes; without `allow-process-control` this one and those that it spawned. */
  export function processes(): Pid[];

  export interface ProcessInfo {
    readonly pid: Pid;
    readonly links: number;
    readonly monitors: number;
    readonly names: string[];
    readonly label: string | undefined;
    /** Messages and calls that wait. */
    readonly mailboxDepth: number;
    readonly trapExit: boolean;
  }

  export function info(pid: Pid): ProcessInfo | undefined;

  /** A name for people, in the log and in `info`. */
  export function setLabel(label: string): void;

  /** Who made the call that this process is answering. */
  export function caller(): Pid | undefined;

  export interface SuperviseOptions {
    /** Which children start again when one ends: it alone (so if nothing is said), all, or it and those after it. */
    strategy?: "one-for-one" | "one-for-all" | "rest-for-one";
    /** More restarts within `withinMs` end the supervisor. Without limit if both are 0, as they are if nothing is said. */
    maxRestarts?: number;
    withinMs?: number;
  }

  /** Starts components and a supervisor of them, which is linked to this process. Needs `allow-spawn`. */
  export function supervise(children: string[], options?: SuperviseOptions): Promise<Pid>;

  // Calls

  export type CallErrorKind =
    | "no-process"
    | "no-name"
    | "mailbox-full"
    | "died"
    | "timeout"
    | "no-function"
    | "failed"
    | "denied"
    | "encode"
    | "decode";

  /** Why a call has no answer. An action that does not catch it answers with its status. */
  export class CallError extends Error {
    constructor(kind: CallErrorKind, detail?: string, options?: ErrorOptions);
    readonly kind: CallErrorKind;
    /** What the kind alone does not say: of `failed`, what the function threw. */
    readonly detail: string;
    /** 503 for `no-process`, `no-name` and `mailbox-full`, 504 for `timeout`, else 500. */
    get status(): 500 | 503 | 504;
  }

  /**
   * The functions of a process, as a caller has them: `client<typeof tally>("tally").add(2)`, after
   * `import type tally from "../tally"`. For a service in another language, an interface of its functions does.
   */
  export type Client<S> = IsAny<S> extends true
    ? any
    : CallableBy<S, AnsweringOf<S>> & {
        /** Throws a CallError of the kind `no-name` if no process has the name. */
        readonly $pid: Pid;
        /** Calls it and does not wait; there is no answer. */
        $cast<F extends SilentOf<S>>(fn: F, ...args: Args<S, F>): Promise<void>;
        /** The items that a function answers with, as they come. */
        $stream<F extends StreamOf<S>>(fn: F, ...args: Args<S, F>): AsyncGenerator<ItemOf<S, F>, void>;
      };

  /** As `Client`, of functions that are called without callbacks. */
  export type FreshClient<S> = IsAny<S> extends true ? any : CallableBy<S, PlainOf<S>>;

  export interface ClientOptions {
    /** 5,000 if nothing is said. */
    timeoutMs?: number;
  }

  /** The functions of a process as methods, unchecked without a type. A client may be made before its process is there. */
  export function client<S = any>(target: Target, options?: ClientOptions): Client<S>;

  /** As `client`, with a fresh process of the component for each call. Needs `allow-spawn`. */
  export function fresh<S = any>(component: string, options?: ClientOptions): FreshClient<S>;

  /**
   * Calls a function of a process and waits for its answer, 5 s at most. A function among the arguments is a
   * callback, which the callee may call until it answers.
   */
  export function call<T = unknown>(target: Target, fn: string, ...args: unknown[]): Promise<T>;
  /** `call<typeof tally, "add">("tally", "add", 2)` */
  export function call<S, F extends AnsweringOf<S>>(target: Target, fn: F, ...args: CallerArgs<S, F>): Promise<AnswerOf<S, F>>;

  /** Calls it and does not wait; there is no answer. */
  export function cast(target: Target, fn: string, ...args: unknown[]): Promise<void>;
  export function cast<S, F extends SilentOf<S>>(target: Target, fn: F, ...args: Args<S, F>): Promise<void>;

  /** The items that a function answers with, as they come: a generator of a service, an iterator in Rust. */
  export function callStream<T = unknown>(target: Target, fn: string, ...args: unknown[]): AsyncGenerator<T, void>;
  export function callStream<S, F extends StreamOf<S>>(target: Target, fn: F, ...args: Args<S, F>): AsyncGenerator<ItemOf<S, F>, void>;

  /** Calls a function of a component in a fresh process, which ends with the answer, 5 s at most. Needs `allow-spawn`. */
  export function run<T = unknown>(component: string, fn: string, ...args: unknown[]): Promise<T>;
  export function run<S, F extends PlainOf<S>>(component: string, fn: F, ...args: Args<S, F>): Promise<AnswerOf<S, F>>;

  export interface FetchActionOptions {
    /** 5,000 if nothing is said. */
    timeoutMs?: number;
    /** As a route would have captured them. */
    params?: Record<string, string>;
  }

  /** Calls an action of a handler component, in a fresh process. Needs `allow-spawn`. */
  export function fetchAction(component: string, action: string, request: Request, options?: FetchActionOptions): Promise<Response>;

  const callbackOf: unique symbol;

  /** In a service, the parameter that the caller gives a function for: `callback` makes it one that can be called. */
  export interface Callback<T = unknown> {
    readonly [callbackOf]: (value: T) => void;
  }

  /**
   * In a service, a function of the caller's, to be called until the call is answered. Its promise is false if the
   * caller is gone.
   */
  export function callback<T>(argument: Callback<T>): (value: T) => Promise<boolean>;
  export function callback(argument: unknown): (value?: unknown) => Promise<boolean>;

  // Messages

  /** Sends bytes as they are, anything else as its JSON. Dropped if the process is gone, or no process has the name. */
  export function send(target: Target, message: unknown): void;

  /** Sends it later. What it gives is for `cancelTimer`; undefined if the host has as many timers as it may have. */
  export function sendAfter(target: Target, delayMs: number, message: unknown): string | undefined;

  /** False if it has fired already. */
  export function cancelTimer(timer: string): boolean;

  /** What somebody has sent. */
  export interface Message {
    readonly type: "message";
    readonly bytes: Uint8Array<ArrayBuffer>;
    text(): string;
    /** Throws a SyntaxError if it is none. */
    json<T = unknown>(): T;
  }

  /** A monitored process (`down`), or a linked one (`exit`), has ended. */
  export interface Ended {
    readonly type: "down" | "exit";
    readonly pid: Pid;
    readonly reason: string;
  }

  export type Mail = Message | Ended;

  /** The next mail. */
  export function receive(): Promise<Mail>;
  /** The next mail; undefined after the timeout. */
  export function receive(timeoutMs: number | undefined): Promise<Mail | undefined>;

  /** A byte stream to a process, which accepts it. A slow reader makes a write wait. */
  export function openStream(to: Target): Promise<WritableStream<BufferSource>>;

  /** Waits for the next stream that is opened to this process. */
  export function acceptStream(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;

  // Groups of processes, which a process leaves when it ends

  export function join(group: string): void;

  export function leave(group: string): void;

  export function members(group: string): Pid[];

  /** Sends to all members, on all cores, as `send` does; how many they are. */
  export function publish(group: string, message: unknown): number;

  /** Ends all members; how many they were. Needs `allow-process-control`. */
  export function killGroup(group: string): number;

  // The store

  export type KvValue = string | BufferSource;

  /** One bucket of the node's durable store. Needs `allow-storage`. A write is on disk when its promise resolves. */
  export class Bucket {
    constructor(name: string);
    readonly name: string;
    get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
    getText(key: string): Promise<string | undefined>;
    getJson<T = unknown>(key: string): Promise<T | undefined>;
    /** Text is kept as UTF-8. */
    set(key: string, value: KvValue): Promise<void>;
    setJson(key: string, value: unknown): Promise<void>;
    /** Whether it was there. */
    delete(key: string): Promise<boolean>;
    has(key: string): Promise<boolean>;
    /** The keys, sorted; all that begin with `prefix`, at most `limit` of them if it is not 0. */
    list(options?: { prefix?: string; limit?: number }): Promise<string[]>;
    /** Sets it (undefined: deletes it) if it is `expected` (undefined: absent); whether it was. */
    compareAndSet(key: string, expected: KvValue | undefined, value: KvValue | undefined): Promise<boolean>;
    /** Adds a whole number, 1 if nothing is said, to one that is kept as decimal text and is 0 if absent; the new number. */
    increment(key: string, by?: number): Promise<number>;
  }

  export const kv: {
    bucket(name: string): Bucket;
  };

  // Server-Sent Events

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

  /** What a function that sends events is given. */
  export interface EventSink {
    /** The id that a client which comes again saw last. */
    readonly lastEventId: string | undefined;
    /** False once the client is gone. A slow client makes it wait. Text is the data of an event. */
    send(event: SseEvent | string): Promise<boolean>;
    comment(text?: string): Promise<boolean>;
  }

  /** A generator of events, or a function that sends them until it returns. */
  export type SseSource = (events: EventSink) => AsyncIterable<SseEvent | string> | Iterable<SseEvent | string> | Promise<void> | void;

  export interface SseOptions extends ResponseInit {
    /** Sends a comment after so many milliseconds without an event: 15,000 is a good value. */
    heartbeatMs?: number;
  }

  /** A response of Server-Sent Events. */
  export function sse(request: Request, source: SseSource, options?: SseOptions): Response;

  /** An event as it is sent. A TypeError if its name or id has more than one line. */
  export function encodeEvent(event: SseEvent | string): string;

  // How the functions of a service look to a caller. Not exported.

  type AnyFunction = (...args: any[]) => any;

  /** Names that can be called: `then` and `$...` are the client's own. */
  type FunctionOf<S> = { [K in keyof S]: K extends "init" | "onMail" | "then" | `$${string}` | symbol | number ? never : S[K] extends AnyFunction ? K : never }[keyof S] & string;
  type FunctionIn<S, F> = F extends keyof S ? Extract<S[F], AnyFunction> : never;
  type Result<S, F> = Awaited<ReturnType<FunctionIn<S, F>>>;

  type IsAny<T> = 0 extends 1 & T ? true : false;
  type Item<R> = IsAny<R> extends true
    ? any
    : R extends { next(...args: any[]): Promise<IteratorResult<infer T, any>>; [Symbol.asyncIterator](): unknown }
      ? T
      : R extends { next(...args: any[]): IteratorResult<infer T, any>; [Symbol.iterator](): unknown }
        ? T
        : never;

  /** Those that give one answer. */
  type AnsweringOf<S> = { [F in FunctionOf<S>]: IsAny<Result<S, F>> extends true ? F : [Item<Result<S, F>>] extends [never] ? F : never }[FunctionOf<S>];
  /** Those that answer with items. */
  type StreamOf<S> = { [F in FunctionOf<S>]: [Item<Result<S, F>>] extends [never] ? never : F }[FunctionOf<S>];
  type ItemOf<S, F> = Json<Item<Result<S, F>>>;
  type AnswerOf<S, F> = Json<Result<S, F>>;

  type HasCallback<P> = P extends readonly unknown[] ? (true extends { [I in keyof P]-?: IsCallback<P[I]> }[number] ? true : false) : false;
  type IsCallback<A> = IsAny<A> extends true ? false : [Extract<A, Callback<any>>] extends [never] ? false : true;

  /** Those without callbacks, which only a call that waits has. */
  type SilentOf<S> = { [F in FunctionOf<S>]: HasCallback<Parameters<FunctionIn<S, F>>> extends true ? never : F }[FunctionOf<S>];
  type PlainOf<S> = AnsweringOf<S> & SilentOf<S>;

  type Args<S, F> = Parameters<FunctionIn<S, F>>;
  type CallerArgs<S, F> = Args<S, F> extends infer P extends unknown[] ? FromCallers<P> : never;
  type FromCallers<P extends unknown[]> = { [I in keyof P]: FromCaller<P[I]> };
  type FromCaller<A> = IsAny<A> extends true ? any : A extends Callback<infer T> ? (value: T) => unknown : A;

  type CallableBy<S, F extends string> = { readonly [K in F]: (...args: CallerArgs<S, K>) => Promise<AnswerOf<S, K>> };

  /** What a value is after `JSON.stringify` and `JSON.parse`; null for none. */
  type Json<T> = IsAny<T> extends true
    ? any
    : unknown extends T
      ? unknown
      : T extends string | number | boolean | null
        ? T
        : T extends undefined | void | symbol | AnyFunction
          ? null
          : T extends bigint
            ? never
            : T extends { toJSON(...args: any[]): infer J }
              ? Json<J>
              : T extends readonly unknown[]
                ? { [I in keyof T]: Json<T[I]> }
                : { [K in keyof T as K extends symbol ? never : T[K] extends AnyFunction ? never : K]: T[K] extends infer V ? (V extends undefined ? undefined : Json<V>) : never };

  export {};
}
