// https://fetch.spec.whatwg.org/#headers-class

export type HeadersInit = Headers | Iterable<readonly [string, string]> | Iterable<Iterable<string>> | Record<string, string>;

/** One mutable guard for all: no header is forbidden on a server. */
type Guard = "mutable" | "immutable";

type Field = [name: string, value: string];

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_A_VALUE = /[\0\r\n\u0100-\uffff]/;

/** Names that were valid, in lower case: filled before the snapshot is taken, and as they come. */
const known = new Map<string, string>();
for (const name of [
  "Accept", "Accept-Encoding", "Accept-Language", "Access-Control-Allow-Origin", "Authorization",
  "Cache-Control", "Connection", "Content-Disposition", "Content-Encoding", "Content-Length",
  "Content-Type", "Cookie", "Date", "ETag", "Host", "If-Modified-Since", "If-None-Match",
  "Last-Modified", "Location", "Origin", "Referer", "Server", "Set-Cookie", "User-Agent", "Vary",
]) {
  known.set(name, name.toLowerCase());
  known.set(name.toLowerCase(), name.toLowerCase());
}

function toName(name: unknown): string {
  const lower = known.get(name as string);
  if (lower !== undefined) return lower;
  const text = String(name);
  if (!TOKEN.test(text)) throw new TypeError(`not a header name: ${JSON.stringify(text)}`);
  const made = text.toLowerCase();
  if (known.size < 256) known.set(text, made);
  return made;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

/** https://fetch.spec.whatwg.org/#concept-header-value-normalize */
function toValue(value: unknown): string {
  let text = typeof value === "string" ? value : `${value as string}`;
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  if (end - start !== text.length) text = text.slice(start, end);
  if (NOT_A_VALUE.test(text)) throw new TypeError(`not a header value: ${JSON.stringify(text)}`);
  return text;
}

/** Immutable headers that `flat` gives (name, value, name, ...; names in lower case) once they are looked at. */
export let lazyHeaders: (flat: () => string[]) => Headers;
export let freezeHeaders: (headers: Headers) => Headers;
/** Name, value, name, ... in order. */
export let flatHeaders: (headers: Headers) => string[];

export class Headers {
  /** In the order of arrival, names in lower case; a function that gives them, flat, until asked. */
  #fields: Field[] | (() => string[]) = [];
  #guard: Guard = "mutable";
  #sorted: Field[] | undefined;

  constructor(init?: HeadersInit) {
    if (init !== undefined) this.#fill(init);
  }

  append(name: string, value: string): void {
    need(arguments.length, 2, "append");
    const field: Field = [toName(name), toValue(value)];
    this.#mutate().push(field);
  }

  delete(name: string): void {
    need(arguments.length, 1, "delete");
    const lower = toName(name);
    const fields = this.#mutate();
    for (let i = fields.length - 1; i >= 0; i--) {
      if (fields[i]![0] === lower) fields.splice(i, 1);
    }
  }

  get(name: string): string | null {
    if (name === undefined) throw new TypeError("Headers.get takes a name");
    const lower = toName(name);
    let found: string | null = null;
    for (const field of this.#list()) {
      if (field[0] === lower) found = found === null ? field[1] : `${found}, ${field[1]}`;
    }
    return found;
  }

  getSetCookie(): string[] {
    return this.#list().filter((field) => field[0] === "set-cookie").map((field) => field[1]);
  }

  has(name: string): boolean {
    if (name === undefined) throw new TypeError("Headers.has takes a name");
    const lower = toName(name);
    return this.#list().some((field) => field[0] === lower);
  }

  set(name: string, value: string): void {
    need(arguments.length, 2, "set");
    const field: Field = [toName(name), toValue(value)];
    const fields = this.#mutate();
    const first = fields.findIndex((other) => other[0] === field[0]);
    if (first === -1) {
      fields.push(field);
      return;
    }
    fields[first] = field;
    for (let i = fields.length - 1; i > first; i--) {
      if (fields[i]![0] === field[0]) fields.splice(i, 1);
    }
  }

  forEach(callback: (value: string, name: string, headers: Headers) => void, thisArg?: unknown): void {
    if (typeof callback !== "function") throw new TypeError("forEach takes a function");
    for (const [name, value] of this) callback.call(thisArg, value, name, this);
  }

  /** Live: what is set or deleted meanwhile is seen. */
  *entries(): Generator<[string, string]> {
    for (let i = 0; i < this.#combined().length; i++) {
      const [name, value] = this.#combined()[i]!;
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

  get [Symbol.toStringTag](): string {
    return "Headers";
  }

  #list(): Field[] {
    if (typeof this.#fields === "function") {
      const flat = this.#fields();
      const fields: Field[] = [];
      for (let i = 0; i < flat.length; i += 2) fields.push([flat[i]!, flat[i + 1]!]);
      this.#fields = fields;
    }
    return this.#fields;
  }

  #mutate(): Field[] {
    if (this.#guard === "immutable") throw new TypeError("these headers are immutable: copy them by new Headers(headers)");
    this.#sorted = undefined;
    return this.#list();
  }

  /** https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine */
  #combined(): Field[] {
    if (this.#sorted) return this.#sorted;
    const combined = new Map<string, Field>();
    const all: Field[] = [];
    for (const [name, value] of this.#list()) {
      const before = name === "set-cookie" ? undefined : combined.get(name);
      if (before) {
        before[1] += `, ${value}`;
      } else {
        const field: Field = [name, value];
        combined.set(name, field);
        all.push(field);
      }
    }
    // The sort is stable, so that cookies stay in order.
    return (this.#sorted = all.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)));
  }

  #fill(init: HeadersInit): void {
    if (init === null || (typeof init !== "object" && typeof init !== "function")) {
      throw new TypeError("headers are made of an object, of pairs, or of other headers");
    }
    if (#fields in init && init[Symbol.iterator] === Headers.prototype[Symbol.iterator]) {
      this.#fields = init.#list().map((field): Field => [field[0], field[1]]);
      return;
    }
    const iterator = (init as Iterable<Iterable<string>>)[Symbol.iterator];
    if (iterator !== undefined && iterator !== null) {
      if (typeof iterator !== "function") throw new TypeError("these headers cannot be iterated over");
      for (const item of init as Iterable<Iterable<string>>) {
        if (item === null || typeof item !== "object") throw new TypeError("a header is a pair of strings");
        const pair = [...item];
        if (pair.length !== 2) throw new TypeError("a header is a pair of strings");
        this.append(pair[0]!, pair[1]!);
      }
      return;
    }
    for (const key of Reflect.ownKeys(init)) {
      if (!Reflect.getOwnPropertyDescriptor(init, key)?.enumerable) continue;
      if (typeof key === "symbol") throw new TypeError("a symbol is no header name");
      this.append(key, (init as Record<string, string>)[key]!);
    }
  }

  static {
    Object.defineProperty(this.prototype, Symbol.iterator, {
      value: this.prototype.entries,
      writable: true,
      configurable: true,
    });
    lazyHeaders = (flat) => {
      const headers = new Headers();
      headers.#fields = flat;
      headers.#guard = "immutable";
      return headers;
    };
    freezeHeaders = (headers) => {
      headers.#guard = "immutable";
      return headers;
    };
    flatHeaders = (headers) => headers.#list().flat();
  }
}

function need(given: number, wanted: number, method: string): void {
  if (given < wanted) throw new TypeError(`Headers.${method} takes ${wanted} argument(s), not ${given}`);
}
