// https://url.spec.whatwg.org/#interface-urlsearchparams
import { decodeUtf8KeepingMark, encodeUtf8 } from "./text";
import { wellFormed } from "./well-formed";

export type URLSearchParamsInit = string | Iterable<readonly [string, string]> | Record<string, string> | URLSearchParams;

type Pair = [name: string, value: string];

/** Parameters that tell `changed` of every change, for the URL that they belong to. */
export let linkedParams: (query: string, changed: (query: string) => void) => URLSearchParams;
/** The URL has another query now. */
export let resetParams: (params: URLSearchParams, query: string) => void;

export class URLSearchParams {
  #pairs: Pair[] = [];
  #changed: ((query: string) => void) | undefined;

  constructor(init: URLSearchParamsInit = "") {
    if ((typeof init !== "object" && typeof init !== "function") || init === null) {
      const text = `${init as string}`;
      this.#pairs = parseForm(text.startsWith("?") ? text.slice(1) : text);
      return;
    }
    const iterator = (init as Iterable<Pair>)[Symbol.iterator];
    if (iterator !== undefined && iterator !== null) {
      if (typeof iterator !== "function") throw new TypeError("these parameters cannot be iterated over");
      for (const item of init as Iterable<Iterable<string>>) {
        if (item === null || typeof item !== "object") throw new TypeError("a parameter is a pair of strings");
        const pair = [...item];
        if (pair.length !== 2) throw new TypeError("a parameter is a pair of strings");
        this.#pairs.push([usv(pair[0]), usv(pair[1])]);
      }
      return;
    }
    const pairs = new Map<string, string>();
    for (const key of Reflect.ownKeys(init)) {
      if (!Reflect.getOwnPropertyDescriptor(init, key)?.enumerable) continue;
      if (typeof key === "symbol") throw new TypeError("a symbol is no name of a parameter");
      pairs.set(usv(key), usv((init as Record<string, string>)[key]));
    }
    this.#pairs = [...pairs];
  }

  get size(): number {
    return this.#pairs.length;
  }

  append(name: string, value: string): void {
    need(arguments.length, 2);
    this.#pairs.push([usv(name), usv(value)]);
    this.#tell();
  }

  delete(name: string, value?: string): void {
    need(arguments.length, 1);
    this.#pairs = this.#pairs.filter(differs(usv(name), value === undefined ? undefined : usv(value)));
    this.#tell();
  }

  get(name: string): string | null {
    need(arguments.length, 1);
    const wanted = usv(name);
    return this.#pairs.find((pair) => pair[0] === wanted)?.[1] ?? null;
  }

  getAll(name: string): string[] {
    need(arguments.length, 1);
    const wanted = usv(name);
    return this.#pairs.filter((pair) => pair[0] === wanted).map((pair) => pair[1]);
  }

  has(name: string, value?: string): boolean {
    need(arguments.length, 1);
    return !this.#pairs.every(differs(usv(name), value === undefined ? undefined : usv(value)));
  }

  set(name: string, value: string): void {
    need(arguments.length, 2);
    const pair: Pair = [usv(name), usv(value)];
    const first = this.#pairs.findIndex((other) => other[0] === pair[0]);
    if (first === -1) {
      this.#pairs.push(pair);
    } else {
      this.#pairs[first] = pair;
      this.#pairs = this.#pairs.filter((other, i) => i <= first || other[0] !== pair[0]);
    }
    this.#tell();
  }

  sort(): void {
    // By UTF-16 code units, and stable.
    this.#pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#tell();
  }

  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, thisArg?: unknown): void {
    if (typeof callback !== "function") throw new TypeError("forEach takes a function");
    for (const [name, value] of this) callback.call(thisArg, value, name, this);
  }

  *entries(): Generator<[string, string]> {
    for (let i = 0; i < this.#pairs.length; i++) {
      const [name, value] = this.#pairs[i]!;
      yield [name, value];
    }
  }

  *keys(): Generator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): Generator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  declare [Symbol.iterator]: () => Generator<[string, string]>;

  toString(): string {
    return this.#pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  }

  get [Symbol.toStringTag](): string {
    return "URLSearchParams";
  }

  #tell(): void {
    this.#changed?.(this.toString());
  }

  static {
    Object.defineProperty(this.prototype, Symbol.iterator, {
      value: this.prototype.entries,
      writable: true,
      configurable: true,
    });
    linkedParams = (query, changed) => {
      const params = new URLSearchParams();
      params.#pairs = parseForm(query);
      params.#changed = changed;
      return params;
    };
    resetParams = (params, query) => {
      params.#pairs = parseForm(query);
    };
  }
}

/** https://url.spec.whatwg.org/#concept-urlencoded-parser */
export function parseForm(text: string): Pair[] {
  const pairs: Pair[] = [];
  for (const piece of text.split("&")) {
    if (piece === "") continue;
    const equals = piece.indexOf("=");
    if (equals === -1) pairs.push([decode(piece), ""]);
    else pairs.push([decode(piece.slice(0, equals)), decode(piece.slice(equals + 1))]);
  }
  return pairs;
}

function decode(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return wellFormed(spaced);
  const bytes = encodeUtf8(spaced);
  let to = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at]!;
    if (byte === 0x25) {
      const high = hex(bytes[at + 1]);
      const low = hex(bytes[at + 2]);
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        at += 2;
      }
    }
    bytes[to++] = byte;
  }
  return decodeUtf8KeepingMark(bytes.subarray(0, to));
}

function hex(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** https://url.spec.whatwg.org/#application-x-www-form-urlencoded-percent-encode-set */
function encode(text: string): string {
  if (/^[\w*.-]*$/.test(text)) return text;
  return encodeURIComponent(text).replace(/[!'()~]|%20/g, (c) => (c === "%20" ? "+" : `%${c.charCodeAt(0).toString(16).toUpperCase()}`));
}

function usv(value: unknown): string {
  return wellFormed(`${value as string}`);
}

function differs(name: string, value: string | undefined): (pair: Pair) => boolean {
  return (pair) => pair[0] !== name || (value !== undefined && pair[1] !== value);
}

function need(given: number, wanted: number): void {
  if (given < wanted) throw new TypeError(`this method of URLSearchParams takes ${wanted} argument(s), not ${given}`);
}
