// https://html.spec.whatwg.org/#timers
import { host } from "../host";
import { started } from "../build-time";

interface Timer {
  id: number;
  due: number;
  /** Of an interval; undefined for a timer that fires once. */
  every: number | undefined;
  run: () => void;
}

/** By when they are due; of those due at once, the older first. */
const timers: Timer[] = [];
let lastId = 0;

export function setTimer(run: () => void, delay: number, options: { every?: boolean } = {}): number {
  started("a timer");
  // As browsers do: what does not fit into 31 bits is 0.
  const whole = Math.trunc(delay);
  const wait = whole > 0 && whole <= 0x7fffffff ? whole : 0;
  const context = host.asyncContext();
  const timer: Timer = {
    id: ++lastId,
    due: host.monotonic() + wait,
    every: options.every ? Math.max(wait, 1) : undefined,
    run: () => {
      host.setAsyncContext(context);
      try {
        run();
      } finally {
        host.setAsyncContext(undefined);
      }
    },
  };
  insert(timer);
  return timer.id;
}

export function clearTimer(id: unknown): void {
  const index = timers.findIndex((timer) => timer.id === Number(id));
  if (index !== -1) timers.splice(index, 1);
}

export function setTimeout(callback: unknown, delay?: unknown, ...args: unknown[]): number {
  return setTimer(task(callback, args), Number(delay));
}

export function setInterval(callback: unknown, delay?: unknown, ...args: unknown[]): number {
  return setTimer(task(callback, args), Number(delay), { every: true });
}

/** How long until the next one is due, in milliseconds, 0 if it is; undefined if there is none. */
export function untilNextTimer(): number | undefined {
  const next = timers[0];
  return next && Math.max(0, next.due - host.monotonic());
}

/** Runs one timer that is due; false if there is none. */
export function fireTimer(): boolean {
  const next = timers[0];
  if (!next || next.due > host.monotonic()) return false;
  timers.shift();
  if (next.every !== undefined) insert({ ...next, due: host.monotonic() + next.every });
  next.run();
  return true;
}

function insert(timer: Timer): void {
  let at = timers.length;
  while (at > 0 && timers[at - 1]!.due > timer.due) at--;
  timers.splice(at, 0, timer);
}

function task(callback: unknown, args: unknown[]): () => void {
  if (typeof callback !== "function") throw new TypeError("a timer takes a function: text is not evaluated here");
  return () => callback.apply(globalThis, args);
}
