// https://xhr.spec.whatwg.org/#interface-formdata
import { Blob, blobBytes, File } from "./blob";
import { wellFormed } from "./well-formed";

export type FormDataEntryValue = string | File;

type Entry = [name: string, value: FormDataEntryValue];

export class FormData {
  #entries: Entry[] = [];

  constructor(form?: undefined) {
    if (form !== undefined) throw new TypeError("there are no HTML forms here: FormData takes no argument");
  }

  append(name: string, value: string | Blob, filename?: string): void {
    if (arguments.length < 2) throw new TypeError("FormData.append takes a name and a value");
    this.#entries.push(toEntry(name, value, filename, arguments.length));
  }

  delete(name: string): void {
    const wanted = wellFormed(`${name}`);
    this.#entries = this.#entries.filter((entry) => entry[0] !== wanted);
  }

  get(name: string): FormDataEntryValue | null {
    const wanted = wellFormed(`${name}`);
    return this.#entries.find((entry) => entry[0] === wanted)?.[1] ?? null;
  }

  getAll(name: string): FormDataEntryValue[] {
    const wanted = wellFormed(`${name}`);
    return this.#entries.filter((entry) => entry[0] === wanted).map((entry) => entry[1]);
  }

  has(name: string): boolean {
    const wanted = wellFormed(`${name}`);
    return this.#entries.some((entry) => entry[0] === wanted);
  }

  set(name: string, value: string | Blob, filename?: string): void {
    if (arguments.length < 2) throw new TypeError("FormData.set takes a name and a value");
    const entry = toEntry(name, value, filename, arguments.length);
    const first = this.#entries.findIndex((other) => other[0] === entry[0]);
    if (first === -1) {
      this.#entries.push(entry);
      return;
    }
    this.#entries[first] = entry;
    this.#entries = this.#entries.filter((other, i) => i <= first || other[0] !== entry[0]);
  }

  forEach(callback: (value: FormDataEntryValue, name: string, form: FormData) => void, thisArg?: unknown): void {
    for (const [name, value] of this) callback.call(thisArg, value, name, this);
  }

  *entries(): Generator<[string, FormDataEntryValue]> {
    for (let i = 0; i < this.#entries.length; i++) {
      const [name, value] = this.#entries[i]!;
      yield [name, value];
    }
  }

  *keys(): Generator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): Generator<FormDataEntryValue> {
    for (const [, value] of this.entries()) yield value;
  }

  declare [Symbol.iterator]: () => Generator<[string, FormDataEntryValue]>;

  get [Symbol.toStringTag](): string {
    return "FormData";
  }

  static {
    Object.defineProperty(this.prototype, Symbol.iterator, {
      value: this.prototype.entries,
      writable: true,
      configurable: true,
    });
  }
}

/** https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#create-an-entry */
function toEntry(name: string, value: string | Blob, filename: string | undefined, given: number): Entry {
  const key = wellFormed(`${name}`);
  if (!(value instanceof Blob)) {
    if (given > 2) throw new TypeError("a file name goes with a Blob");
    return [key, wellFormed(`${value}`)];
  }
  if (value instanceof File && filename === undefined) return [key, value];
  const file = filename !== undefined ? `${filename}` : "blob";
  const options: { type: string; lastModified?: number } = { type: value.type };
  if (value instanceof File) options.lastModified = value.lastModified;
  return [key, new File([blobBytes(value)], file, options)];
}
