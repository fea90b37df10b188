// https://w3c.github.io/webcrypto/#subtlecrypto-interface: digests, and HMAC with raw keys and JSON Web Keys
import { host } from "../host";
import { started } from "../build-time";
import { toBytes, type BufferSource } from "./bytes";

export type AlgorithmIdentifier = string | { name: string };
type KeyUsage = "sign" | "verify";

interface HmacAlgorithm {
  name: "HMAC";
  hash: { name: string };
  length: number;
}

interface JsonWebKey {
  kty?: string;
  k?: string;
  alg?: string;
  ext?: boolean;
  key_ops?: string[];
}

/** The secret of a key, in bytes: of no use to an author that may not export it. */
let secretOf: (key: CryptoKey) => Uint8Array;
let newKey: (algorithm: HmacAlgorithm, extractable: boolean, usages: KeyUsage[], secret: Uint8Array) => CryptoKey;

export class CryptoKey {
  #algorithm: HmacAlgorithm;
  #extractable: boolean;
  #usages: KeyUsage[];
  #secret: Uint8Array;

  constructor(token: unknown, algorithm: HmacAlgorithm, extractable: boolean, usages: KeyUsage[], secret: Uint8Array) {
    if (token !== OWN) throw new TypeError("a CryptoKey comes from crypto.subtle.importKey or generateKey");
    this.#algorithm = algorithm;
    this.#extractable = extractable;
    this.#usages = usages;
    this.#secret = secret;
  }

  get type(): string {
    return "secret";
  }

  get algorithm(): HmacAlgorithm {
    return this.#algorithm;
  }

  get extractable(): boolean {
    return this.#extractable;
  }

  get usages(): KeyUsage[] {
    return this.#usages;
  }

  get [Symbol.toStringTag](): string {
    return "CryptoKey";
  }

  static {
    secretOf = (key) => key.#secret;
    newKey = (algorithm, extractable, usages, secret) => new CryptoKey(OWN, algorithm, extractable, usages, secret);
  }
}

export class SubtleCrypto {
  async digest(algorithm: AlgorithmIdentifier, data: BufferSource): Promise<ArrayBuffer> {
    const bytes = toBytes(data);
    return host.digest(hashName(algorithm), bytes);
  }

  async importKey(format: string, keyData: BufferSource | JsonWebKey, algorithm: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey> {
    const hash = hmacHash(algorithm);
    const allowed = toUsages(usages);
    let secret: Uint8Array;
    if (format === "raw") {
      secret = toBytes(keyData as BufferSource).slice();
    } else if (format === "jwk") {
      const jwk = keyData as JsonWebKey;
      if (jwk?.kty !== "oct" || typeof jwk.k !== "string") throw new DOMException("this JSON Web Key is none of HMAC", "DataError");
      secret = fromBase64Url(jwk.k);
    } else {
      throw new DOMException(`a key of HMAC comes as raw or jwk, not as ${format}`, "NotSupportedError");
    }
    if (secret.length === 0) throw new DOMException("the key is empty", "DataError");
    return newKey({ name: "HMAC", hash: { name: hash }, length: secret.length * 8 }, !!extractable, allowed, secret);
  }

  async generateKey(algorithm: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey> {
    started("a generated key");
    const hash = hmacHash(algorithm);
    const allowed = toUsages(usages);
    // As long as the hash's block: https://w3c.github.io/webcrypto/#hmac-operations-generate-key
    const bits = (algorithm as { length?: number }).length ?? (hash === "SHA-1" || hash === "SHA-256" ? 512 : 1024);
    if (!(bits > 0) || bits % 8 !== 0) throw new DOMException("the length of a key is a multiple of 8 bits", "OperationError");
    const secret = new Uint8Array(host.random(bits / 8));
    return newKey({ name: "HMAC", hash: { name: hash }, length: bits }, !!extractable, allowed, secret);
  }

  async exportKey(format: string, key: CryptoKey): Promise<ArrayBuffer | JsonWebKey> {
    if (!key.extractable) throw new DOMException("the key is not extractable", "InvalidAccessError");
    const secret = secretOf(key);
    if (format === "raw") return secret.slice().buffer as ArrayBuffer;
    if (format !== "jwk") throw new DOMException(`a key of HMAC goes as raw or jwk, not as ${format}`, "NotSupportedError");
    return { kty: "oct", k: toBase64Url(secret), alg: `HS${key.algorithm.hash.name.slice(4)}`, ext: true, key_ops: [...key.usages] };
  }

  async sign(algorithm: AlgorithmIdentifier, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer> {
    return mac(algorithm, key, data, "sign");
  }

  async verify(algorithm: AlgorithmIdentifier, key: CryptoKey, signature: BufferSource, data: BufferSource): Promise<boolean> {
    const expected = new Uint8Array(mac(algorithm, key, data, "verify"));
    const given = toBytes(signature);
    if (given.length !== expected.length) return false;
    // All of it, so that the time says nothing of where they differ.
    let difference = 0;
    for (let i = 0; i < expected.length; i++) difference |= expected[i]! ^ given[i]!;
    return difference === 0;
  }

  get [Symbol.toStringTag](): string {
    return "SubtleCrypto";
  }
}

const OWN = Symbol();

function mac(algorithm: AlgorithmIdentifier, key: CryptoKey, data: BufferSource, usage: KeyUsage): ArrayBuffer {
  if (nameOf(algorithm).toUpperCase() !== "HMAC") throw unsupported(algorithm);
  if (!(key instanceof CryptoKey)) throw new TypeError("a CryptoKey is expected");
  if (!key.usages.includes(usage)) throw new DOMException(`the key is not one to ${usage} with`, "InvalidAccessError");
  return host.hmac(key.algorithm.hash.name, secretOf(key), toBytes(data));
}

function hmacHash(algorithm: AlgorithmIdentifier): string {
  const { hash } = algorithm as { hash?: AlgorithmIdentifier };
  if (nameOf(algorithm).toUpperCase() !== "HMAC" || hash === undefined) throw unsupported(algorithm);
  return hashName(hash);
}

function hashName(algorithm: AlgorithmIdentifier): string {
  const name = nameOf(algorithm).toUpperCase();
  if (!/^SHA-(?:1|256|384|512)$/.test(name)) throw unsupported(algorithm);
  return name;
}

function nameOf(algorithm: AlgorithmIdentifier): string {
  const name = typeof algorithm === "string" ? algorithm : algorithm?.name;
  if (name === undefined) throw new TypeError("an algorithm has a name");
  return `${name}`;
}

function unsupported(algorithm: AlgorithmIdentifier): DOMException {
  return new DOMException(`the algorithm ${nameOf(algorithm)} is not supported: SHA-1, SHA-256, SHA-384, SHA-512 and HMAC with them are`, "NotSupportedError");
}

function toUsages(usages: KeyUsage[]): KeyUsage[] {
  const all = [...usages];
  if (all.some((usage) => usage !== "sign" && usage !== "verify")) throw new DOMException("a key of HMAC signs and verifies", "SyntaxError");
  if (all.length === 0) throw new DOMException("a key has usages", "SyntaxError");
  return all;
}

function fromBase64Url(text: string): Uint8Array {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
