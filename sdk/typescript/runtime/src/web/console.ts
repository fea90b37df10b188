// https://console.spec.whatwg.org/: lines of the operator's log
import { host } from "../host";
import { describeError, isError } from "./describe-error";
import { inspect } from "./inspect";
import { wellFormed } from "./well-formed";

type Level = "error" | "warn" | "info" | "debug";

const counts = new Map<string, number>();
const timers = new Map<string, number>();
let indent = "";

function print(level: Level, args: unknown[]): void {
  const text = wellFormed(format(args));
  host.log(level, indent === "" ? text : indent + text.replaceAll("\n", `\n${indent}`));
}

/** https://console.spec.whatwg.org/#formatter */
function format(args: unknown[]): string {
  if (args.length === 1 && typeof args[0] === "string") return args[0];
  const rest = [...args];
  const pieces: string[] = [];
  if (typeof rest[0] === "string" && rest.length > 1 && rest[0].includes("%")) {
    const template = rest.shift() as string;
    pieces.push(
      template.replace(/%[sdifoOcj%]/g, (specifier) => {
        if (specifier === "%%") return "%";
        if (rest.length === 0) return specifier;
        const value = rest.shift();
        switch (specifier) {
          case "%s":
            return typeof value === "string" ? value : typeof value === "symbol" ? String(value) : show(value);
          case "%d":
          case "%i":
            return typeof value === "symbol" ? "NaN" : String(Number.parseInt(value as string, 10));
          case "%f":
            return typeof value === "symbol" ? "NaN" : String(Number.parseFloat(value as string));
          case "%c":
            return "";
          default:
            return show(value);
        }
      }),
    );
  }
  for (const value of rest) pieces.push(typeof value === "string" ? value : show(value));
  return pieces.join(" ");
}

function show(value: unknown): string {
  return isError(value) ? describeError(value) : inspect(value);
}

function label(given: unknown): string {
  return given === undefined ? "default" : `${given as string}`;
}

function elapsed(name: string): string {
  return `${name}: ${(host.monotonic() - timers.get(name)!).toFixed(3)} ms`;
}

export const console = {
  log: (...args: unknown[]): void => print("info", args),
  info: (...args: unknown[]): void => print("info", args),
  debug: (...args: unknown[]): void => print("debug", args),
  warn: (...args: unknown[]): void => print("warn", args),
  error: (...args: unknown[]): void => print("error", args),
  trace: (...args: unknown[]): void => {
    const stack = new Error().stack ?? "";
    print("info", [`Trace: ${format(args)}\n${stack}`]);
  },
  assert: (condition?: unknown, ...args: unknown[]): void => {
    if (condition) return;
    if (typeof args[0] === "string") print("error", [`Assertion failed: ${args[0]}`, ...args.slice(1)]);
    else print("error", ["Assertion failed", ...args]);
  },
  dir: (value: unknown): void => print("info", [show(value)]),
  dirxml: (...args: unknown[]): void => print("info", args),
  table: (value: unknown): void => print("info", [show(value)]),
  count: (name?: unknown): void => {
    const key = label(name);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    print("info", [`${key}: ${count}`]);
  },
  countReset: (name?: unknown): void => {
    if (!counts.delete(label(name))) print("warn", [`the count ${label(name)} does not exist`]);
  },
  group: (...args: unknown[]): void => {
    if (args.length > 0) print("info", args);
    indent += "  ";
  },
  groupCollapsed: (...args: unknown[]): void => console.group(...args),
  groupEnd: (): void => {
    indent = indent.slice(2);
  },
  time: (name?: unknown): void => {
    const key = label(name);
    if (timers.has(key)) print("warn", [`the timer ${key} runs already`]);
    else timers.set(key, host.monotonic());
  },
  timeLog: (name?: unknown, ...args: unknown[]): void => {
    const key = label(name);
    if (timers.has(key)) print("info", [elapsed(key), ...args]);
    else print("warn", [`the timer ${key} does not exist`]);
  },
  timeEnd: (name?: unknown): void => {
    const key = label(name);
    if (timers.has(key)) print("info", [elapsed(key)]);
    else print("warn", [`the timer ${key} does not exist`]);
    timers.delete(key);
  },
  clear: (): void => {
    indent = "";
  },
};
// https://console.spec.whatwg.org/#console-namespace: its prototype is an empty object.
Object.setPrototypeOf(console, {});
Object.defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });
