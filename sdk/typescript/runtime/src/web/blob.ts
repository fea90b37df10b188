// https://w3c.github.io/FileAPI/
import { concat, isBufferSource, toBuffer, toBytes, type BufferSource } from "./bytes";
import { streamOf, type ReadableStream } from "./streams";
import { decodeUtf8, encodeUtf8 } from "./text";
import { wellFormed } from "./well-formed";

export type BlobPart = BufferSource | Blob | string;

export interface BlobOptions {
  type?: string;
  endings?: "transparent" | "native";
}

export let blobBytes: (blob: Blob) => Uint8Array;

export class Blob {
  #bytes: Uint8Array;
  #type: string;

  constructor(parts?: Iterable<BlobPart>, options: BlobOptions = {}) {
    if (parts !== undefined && (typeof parts !== "object" || parts === null || typeof parts[Symbol.iterator] !== "function")) {
      throw new TypeError("a Blob is made of a sequence of parts");
    }
    if (options !== undefined && options !== null && typeof options !== "object" && typeof options !== "function") {
      throw new TypeError("the options of a Blob are an object");
    }
    const items: BlobPart[] = [];
    // Made text one by one, as the conversion of one may change what comes after it.
    for (const part of parts ?? []) items.push(part instanceof Blob || isBufferSource(part) ? part : `${part}`);
    const endings = `${options?.endings ?? "transparent"}`;
    if (endings !== "transparent" && endings !== "native") throw new TypeError("endings is `transparent` or `native`");
    const type = options?.type === undefined ? "" : `${options.type}`;
    const bytes = concat(items.map((part) => partBytes(part, endings === "native")));
    // Its own, whatever becomes of the part that it was made of.
    this.#bytes = items.length === 1 && typeof items[0] !== "string" ? bytes.slice() : bytes;
    this.#type = blobType(type);
  }

  get size(): number {
    return this.#bytes.length;
  }

  get type(): string {
    return this.#type;
  }

  slice(start?: number, end?: number, type?: string): Blob {
    const { length } = this.#bytes;
    const from = relative(start, 0, length);
    const to = relative(end, length, length);
    const blob = new Blob();
    blob.#bytes = this.#bytes.subarray(from, Math.max(from, to));
    blob.#type = blobType(type === undefined ? "" : `${type}`);
    return blob;
  }

  async text(): Promise<string> {
    return decodeUtf8(this.#bytes);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return toBuffer(this.#bytes.slice());
  }

  async bytes(): Promise<Uint8Array> {
    return this.#bytes.slice();
  }

  stream(): ReadableStream<Uint8Array> {
    return streamOf(() => this.#bytes);
  }

  get [Symbol.toStringTag](): string {
    return "Blob";
  }

  static {
    Object.defineProperty(this, "length", { value: 0, configurable: true });
    blobBytes = (blob) => blob.#bytes;
  }
}

export interface FileOptions extends BlobOptions {
  lastModified?: number;
}

export class File extends Blob {
  #name: string;
  #lastModified: number;

  constructor(parts: Iterable<BlobPart>, name: string, options: FileOptions = {}) {
    if (arguments.length < 2) throw new TypeError("a File has parts and a name");
    super(parts, options);
    this.#name = wellFormed(`${name}`);
    const modified = options?.lastModified;
    this.#lastModified = modified === undefined ? Date.now() : Math.trunc(Number(modified)) || 0;
  }

  get name(): string {
    return this.#name;
  }

  get lastModified(): number {
    return this.#lastModified;
  }

  get webkitRelativePath(): string {
    return "";
  }

  override get [Symbol.toStringTag](): string {
    return "File";
  }
}

function partBytes(part: BlobPart, nativeEndings: boolean): Uint8Array {
  if (part instanceof Blob) return blobBytes(part);
  if (isBufferSource(part)) return toBytes(part);
  return encodeUtf8(nativeEndings ? part.replace(/\r\n?|\n/g, "\n") : part);
}

function blobType(type: string): string {
  return /[^\x20-\x7e]/.test(type) ? "" : type.toLowerCase();
}

function relative(index: number | undefined, otherwise: number, length: number): number {
  if (index === undefined) return otherwise;
  const whole = Math.trunc(Number(index)) || 0;
  return whole < 0 ? Math.max(length + whole, 0) : Math.min(whole, length);
}
