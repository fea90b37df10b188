// The author's top-level code runs once, at build time. What it would freeze into the snapshot is refused there.
import { host } from "./host";

let running = false;
let origin = 0;

/** An entry of an instance begins. */
export function start(): void {
  if (running) return;
  running = true;
  origin = host.monotonic();
}

export function isRunning(): boolean {
  return running;
}

/** When the first entry of the instance began, by `host.monotonic`; 0 at build time. */
export function timeOrigin(): number {
  return origin;
}

/** Throws at build time: `what` is nothing that top-level code may have. */
export function started(what: string): void {
  if (!running) throw refusal(what);
}

/**
 * False at build time, if a package asks for `what` as it is loaded: it gets something fixed, which is noted. In
 * the author's own modules it throws there.
 */
export function isReal(what: string): boolean {
  if (running) return true;
  const error = refusal(what);
  if (!host.isPackage(what, error.stack ?? "")) throw error;
  return false;
}

function refusal(what: string): Error {
  return new Error(`${what} at the top level of a module: that code runs once, at build time; do it in a function that a request calls`);
}

/** What top-level code may call of the host. */
const ALLOWED = new Set(
  "utf8Encode utf8Decode urlParse urlSet urlOrigin digest hmac monotonic log isPackage asyncContext setAsyncContext".split(" "),
);

/** Names by which authors know functions of the host. */
const NAMES: Record<string, string> = {
  ownPid: "self",
  receiveMail: "receive",
  listProcesses: "processes",
  registerTag: "join",
  unregisterTag: "leave",
  whereisTag: "members",
  killTag: "killGroup",
  streamOpen: "openStream",
  streamAccept: "acceptStream",
};

const functions = host as unknown as Record<string, unknown>;
const denied = new Map<string, unknown>();

/** Until `allowHost`, each function that needs an instance throws. */
export function denyHost(): void {
  for (const name of Object.keys(functions)) {
    if (ALLOWED.has(name)) continue;
    denied.set(name, functions[name]);
    const known = name.startsWith("kv") ? "kv" : (NAMES[name] ?? name);
    functions[name] = () => started(`\`${known}\``);
  }
}

export function allowHost(): void {
  for (const [name, value] of denied) functions[name] = value;
  denied.clear();
}
