import { host } from "../host";
import { isBufferSource, toBytes, type BufferSource } from "../web/bytes";
import { decodeUtf8, encodeUtf8 } from "../web/text";
import { encodeValue } from "./wire";

export type KvValue = string | BufferSource;

/** One bucket of the node's durable store. Needs `allow-storage`. A write is on disk when its promise resolves. */
export class Bucket {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = host.kvGet(this.name, key);
    return value && new Uint8Array(value);
  }

  async getText(key: string): Promise<string | undefined> {
    const value = host.kvGet(this.name, key);
    return value && decodeUtf8(new Uint8Array(value));
  }

  async getJson(key: string): Promise<unknown> {
    const text = await this.getText(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  /** Text is kept as UTF-8. */
  async set(key: string, value: KvValue): Promise<void> {
    host.kvSet(this.name, key, toValue(value));
  }

  async setJson(key: string, value: unknown): Promise<void> {
    host.kvSet(this.name, key, encodeUtf8(encodeValue(value)));
  }

  /** Whether it was there. */
  async delete(key: string): Promise<boolean> {
    return host.kvDelete(this.name, key);
  }

  async has(key: string): Promise<boolean> {
    return host.kvExists(this.name, key);
  }

  /** Sorted. */
  async list(options: { prefix?: string; limit?: number } = {}): Promise<string[]> {
    return host.kvList(this.name, options.prefix ?? "", options.limit ?? 0);
  }

  /** Sets it (undefined: deletes) if it is `expected` (undefined: absent); whether it was. */
  async compareAndSet(key: string, expected: KvValue | undefined, value: KvValue | undefined): Promise<boolean> {
    return host.kvCompareAndSet(
      this.name,
      key,
      expected === undefined ? undefined : toValue(expected),
      value === undefined ? undefined : toValue(value),
    );
  }

  /** Adds to a number, which is kept as decimal text and is 0 if absent; the new number. */
  async increment(key: string, by = 1): Promise<number> {
    if (!Number.isSafeInteger(by)) throw new RangeError("increment adds a whole number");
    return host.kvIncrement(this.name, key, by);
  }
}

export const kv = {
  bucket: (name: string): Bucket => new Bucket(name),
};

function toValue(value: KvValue): Uint8Array {
  if (typeof value === "string") return encodeUtf8(value);
  if (isBufferSource(value)) return toBytes(value);
  throw new TypeError("a value is text or bytes: setJson takes anything else");
}
