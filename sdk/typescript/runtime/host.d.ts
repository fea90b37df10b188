/**
 * What the runner gives to the runtime as `globalThis.__host`, which the runtime deletes.
 *
 * - Bytes come as an `ArrayBuffer` that nobody else has, and go as a `Uint8Array` (a view: mind its offset).
 * - Text of bodies, messages and the log has no lone surrogate; in other text the host may throw at one.
 * - Lists of pairs are flat: name, value, name, value.
 * - A pid is a decimal string. Milliseconds are numbers.
 * - What fails throws an `Error`; where `kind` is documented it has a property of this name, a case of
 *   the WIT variant, and its message is the text of that case.
 */
export interface Host {
  // The request that an action is answering; asked for when it is looked at.
  /** Names in lower case; each byte of a value is a char (latin1). */
  requestHeaders(): string[];
  requestParams(): string[];
  requestBody(): ArrayBuffer;

  // Ends of an entry: exactly one of these is called, in the entry's call or in a later job.
  /** The response of an action. Headers as in `requestHeaders`; text is sent as UTF-8. */
  answer(status: number, headers: string[], body?: string | Uint8Array): void;
  /** The answer of a service's function: JSON. Empty if it was given by the reply stream. */
  answerFunction(json: string): void;
  /** A service's function failed: `err(message)`. */
  failFunction(message: string): void;
  /** Any other entry is done. */
  finish(): void;
  /** An exception left an entry: its log text (message, stack, causes). An action gets status 500. */
  fail(description: string): void;

  // Pure functions.
  utf8Encode(text: string): ArrayBuffer;
  /** Undefined if `fatal` and it is not UTF-8; a byte order mark stays. */
  utf8Decode(bytes: Uint8Array, fatal: boolean): string | undefined;
  /** Undefined if it is no URL. */
  urlParse(url: string, base?: string): UrlParts | undefined;
  /**
   * As the setter of that name (crate url's `quirks`): protocol, username, password, host, hostname,
   * port, pathname, search, hash. What the setter would ignore gives the URL as it was.
   */
  urlSet(href: string, part: string, value: string): UrlParts;
  urlOrigin(href: string): string;
  /** SHA-1, SHA-256, SHA-384, SHA-512. */
  digest(algorithm: string, bytes: Uint8Array): ArrayBuffer;
  /** The same algorithms. */
  hmac(algorithm: string, key: Uint8Array, bytes: Uint8Array): ArrayBuffer;

  // The machine.
  random(length: number): ArrayBuffer;
  /** Milliseconds since some time, with a fraction. */
  monotonic(): number;
  /** Name, value, ... of the environment that the profile grants. */
  environment(): string[];
  log(level: "error" | "warn" | "info" | "debug", message: string): void;
  /**
   * At build time: is the code at the top of this stack, but for the runtime's own, a package's? Then it is noted
   * that the package has asked for `what`.
   */
  isPackage(what: string, stack: string): boolean;
  /** What the running job has inherited: each job of a promise has what was set when its reaction was added. */
  asyncContext(): unknown;
  setAsyncContext(context: unknown): void;

  // serve
  /** Undefined in a process that serves no connection. */
  connection(): ConnectionInfo | undefined;
  respond(status: number, headers: string[]): void;
  write(chunk: Uint8Array): boolean;
  wsSendText(text: string): boolean;
  wsSendBinary(bytes: Uint8Array): boolean;
  wsClose(code: number, reason: string): void;

  // client
  /** `kind`: denied, invalid, unreachable, timeout, too-large, failed. The body is empty or bytes. */
  fetch(method: string, url: string, headers: string[], body: Uint8Array, timeoutMs: number, maxBody: number): Fetched;

  // actor
  ownPid(): string;
  spawn(component: string): string;
  monitor(pid: string): void;
  demonitor(pid: string): void;
  link(pid: string): void;
  unlink(pid: string): void;
  trapExit(on: boolean): void;
  exit(reason?: string): void;
  send(pid: string, message: Uint8Array): void;
  /** Waits; undefined after the timeout, if there is one. */
  receiveMail(timeoutMs?: number): HostMail | undefined;
  stash(message: Uint8Array): void;
  unstash(): void;
  /** `args` is a JSON array; gives the JSON of the answer. `kind`: the cases of `call-error`. */
  call(pid: string, fn: string, args: string, timeoutMs: number): string;
  cast(pid: string, fn: string, args: string): void;
  /** A stream's handle. */
  callStream(pid: string, fn: string, args: string): string;
  run(component: string, fn: string, args: string, timeoutMs: number): string;
  /** The action of a handler. `kind`: the cases of `call-error`. */
  fetchAction(
    component: string,
    action: string,
    method: string,
    target: string,
    headers: string[],
    params: string[],
    body: Uint8Array,
    timeoutMs: number,
  ): Fetched;
  caller(): string | undefined;
  replyStream(): string | undefined;
  listProcesses(): string[];
  info(pid: string): HostProcessInfo | undefined;
  isAlive(pid: string): boolean;
  kill(pid: string): boolean;
  register(name: string): boolean;
  whereis(name: string): string | undefined;
  unregister(name: string): boolean;
  setLabel(label: string): void;
  supervise(strategy: string, children: string[], maxRestarts: number, withinMs: number): string;
  sendAfter(pid: string, delayMs: number, message: Uint8Array): string;
  cancelTimer(timer: string): boolean;

  // pg
  registerTag(tag: string): void;
  unregisterTag(tag: string): void;
  whereisTag(tag: string): string[];
  killTag(tag: string): number;
  publish(tag: string, message: Uint8Array): number;

  // streams
  streamOpen(pid: string): string | undefined;
  streamWrite(stream: string, chunk: Uint8Array): boolean;
  streamClose(stream: string): void;
  streamAccept(): string;
  streamRead(stream: string): ArrayBuffer | undefined;
  streamFailure(stream: string): string | undefined;

  // kv
  kvGet(bucket: string, key: string): ArrayBuffer | undefined;
  kvSet(bucket: string, key: string, value: Uint8Array): void;
  kvDelete(bucket: string, key: string): boolean;
  kvExists(bucket: string, key: string): boolean;
  kvList(bucket: string, prefix: string, limit: number): string[];
  kvCompareAndSet(bucket: string, key: string, expected: Uint8Array | undefined, value: Uint8Array | undefined): boolean;
  kvIncrement(bucket: string, key: string, by: number): number;
}

/**
 * The serialization of a URL, and where its parts begin in it (in UTF-16 units, which are bytes: it is ASCII),
 * as crate url has it: after the scheme's `:`, after the username, of the host, after the host, the port
 * (-1: none), of the path, of the query's `?` (-1: none), of the fragment's `#` (-1: none).
 */
export type UrlParts = [
  href: string,
  schemeEnd: number,
  usernameEnd: number,
  hostStart: number,
  hostEnd: number,
  port: number,
  pathStart: number,
  queryStart: number,
  fragmentStart: number,
];

export interface ConnectionInfo {
  method: string;
  path: string;
  query: string;
  params: string[];
  /** As `Host.requestHeaders`. */
  headers: string[];
  remoteAddr: string;
  subprotocol: string | undefined;
}

export interface Fetched {
  status: number;
  headers: string[];
  body: ArrayBuffer;
}

/** `kind` 0: a message, its bytes in `message`; 1: a down, 2: an exit, with `pid` and `reason`. */
export interface HostMail {
  kind: 0 | 1 | 2;
  message?: ArrayBuffer;
  pid?: string;
  reason?: string;
}

export interface HostProcessInfo {
  pid: string;
  links: number;
  monitors: number;
  names: string[];
  label: string | undefined;
  mailboxDepth: number;
  trapExit: boolean;
}

/**
 * What the runtime gives to the runner: `globalThis[Symbol.for("rusm.runner")]`, which the runner takes and
 * deletes once the runtime was evaluated. `globalThis[Symbol.for("rusm")]` has the exports of the module `rusm`.
 *
 * An entry (`action` to `run`) begins something and gives nothing back; it is done when an end of an entry
 * was called on the host. So the runner, after the call: run jobs until none is left; done? return.
 * Else `turn()`: true: go on with the jobs; false: fail("the promise never settles").
 */
export interface Runner {
  /**
   * The author's module was evaluated: `namespace` is its namespace object. Gives the JSON for `describe`;
   * throws a TypeError that says what is wrong with the module. The snapshot is taken after it.
   */
  describe(namespace: object): string;
  action(index: number, method: string, target: string): void;
  function(index: number, args: string): void;
  /** A service has started: before any other entry. */
  serviceInit(): void;
  websocketOpen(): void;
  websocketMessage(data: string | ArrayBuffer): void;
  websocketClose(code: number, reason: string): void;
  onMail(mail: HostMail): void;
  run(): void;
  /** Fires a timer that is due, or waits for the next one and for mail (by `receiveMail`). False if there is nothing to wait for. */
  turn(): boolean;
  /** A promise was rejected and has no handler, or one that had none has one now. */
  rejection(promise: Promise<unknown>, reason: unknown, isHandled: boolean): void;
  /** No job is left: reports the promises that were rejected and have no handler. May add jobs. */
  reportRejections(): void;
}
