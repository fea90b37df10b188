// https://nodejs.org/api/crypto.html: hashes, HMAC, random values, scrypt and PBKDF2
import { md5, ripemd160 } from "@noble/hashes/legacy.js";
import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import { pbkdf2 as noblePbkdf2 } from "@noble/hashes/pbkdf2.js";
import { scrypt as nobleScrypt } from "@noble/hashes/scrypt.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha224, sha256, sha384, sha512, sha512_256 } from "@noble/hashes/sha2.js";
import { sha3_256, sha3_384, sha3_512 } from "@noble/hashes/sha3.js";
import { Buffer } from "./buffer.js";

const { digest, hmac } = globalThis[Symbol.for("rusm.node")];

/** In the host, at its speed. */
const NATIVE = { sha1: "SHA-1", sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" };
/** In the component. */
const HASHES = {
  md5, ripemd160, sha1, sha224, sha256, sha384, sha512,
  "sha512-256": sha512_256, "sha3-256": sha3_256, "sha3-384": sha3_384, "sha3-512": sha3_512,
};

function named(algorithm) {
  const name = `${algorithm}`.toLowerCase().replace(/^sha-/, "sha").replace(/^rsa-(?=sha|md|ripemd)/, "");
  if (!Object.hasOwn(HASHES, name)) {
    throw Object.assign(new Error(`Digest method not supported: ${algorithm} (there are ${getHashes().join(", ")})`), { code: "ERR_CRYPTO_INVALID_DIGEST" });
  }
  return name;
}

function bytes(data, encoding) {
  if (typeof data === "string") return Buffer.from(data, encoding === "buffer" ? "utf8" : encoding);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (data instanceof KeyObject) return data.export();
  throw new TypeError("data is a string, a Buffer, a TypedArray or a DataView");
}

const encoded = (buffer, encoding) => (encoding && encoding !== "buffer" ? buffer.toString(encoding) : buffer);

/** Gathers what is hashed, and has it hashed at the end. */
class Gathered {
  #chunks = [];
  #done = false;

  update(data, encoding) {
    if (this.#done) throw Object.assign(new Error("Digest already called"), { code: "ERR_CRYPTO_HASH_FINALIZED" });
    // Who has given it may change it before the end.
    this.#chunks.push(Uint8Array.from(bytes(data, encoding)));
    return this;
  }

  digest(encoding) {
    if (this.#done) throw Object.assign(new Error("Digest already called"), { code: "ERR_CRYPTO_HASH_FINALIZED" });
    this.#done = true;
    return encoded(Buffer.from(this.finish(this.gathered())), encoding);
  }

  gathered() {
    return this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
  }

  // As far as a stream is written to.
  write(data, encoding) {
    this.update(data, encoding);
    return true;
  }

  end(data, encoding) {
    if (data !== undefined) this.update(data, encoding);
    return this;
  }

  read() {
    return this.digest();
  }
}

export class Hash extends Gathered {
  #name;

  constructor(algorithm) {
    super();
    this.#name = named(algorithm);
  }

  copy() {
    const copy = new Hash(this.#name);
    return copy.update(this.gathered());
  }

  finish(data) {
    return hashed(this.#name, data);
  }
}

export class Hmac extends Gathered {
  #name;
  #key;

  constructor(algorithm, key) {
    super();
    this.#name = named(algorithm);
    this.#key = Uint8Array.from(bytes(key));
  }

  finish(data) {
    const native = NATIVE[this.#name];
    return native ? new Uint8Array(hmac(native, this.#key, data)) : nobleHmac(HASHES[this.#name], this.#key, data);
  }
}

function hashed(name, data) {
  const native = NATIVE[name];
  return native ? new Uint8Array(digest(native, data)) : HASHES[name](data);
}

/** A secret key: there are no others. */
export class KeyObject {
  #bytes;

  constructor(type, key) {
    this.type = type;
    this.#bytes = Uint8Array.from(key);
  }

  get symmetricKeySize() {
    return this.#bytes.length;
  }

  export() {
    return Buffer.from(this.#bytes);
  }

  equals(other) {
    return Buffer.from(this.#bytes).equals(other.export());
  }
}

export const createHash = (algorithm) => new Hash(algorithm);
export const createHmac = (algorithm, key) => new Hmac(algorithm, key);
export const hash = (algorithm, data, encoding = "hex") => encoded(Buffer.from(hashed(named(algorithm), bytes(data))), encoding);
export const getHashes = () => Object.keys(HASHES);
export const createSecretKey = (key, encoding) => new KeyObject("secret", bytes(key, encoding));

/** Takes the same time whatever they hold. */
export function timingSafeEqual(one, other) {
  const [left, right] = [bytes(one), bytes(other)];
  if (left.length !== right.length) {
    throw Object.assign(new RangeError("Input buffers must have the same byte length"), { code: "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH" });
  }
  let differs = 0;
  for (let at = 0; at < left.length; at++) differs |= left[at] ^ right[at];
  return differs === 0;
}

/** The web's gives at most 65,536 at a time. */
function fillRandom(view) {
  for (let at = 0; at < view.length; at += 65536) globalThis.crypto.getRandomValues(view.subarray(at, at + 65536));
  return view;
}

export function randomBytes(size, done) {
  const made = fillRandom(Buffer.alloc(size));
  if (!done) return made;
  queueMicrotask(() => done(null, made));
}
export const pseudoRandomBytes = randomBytes;

export function randomFillSync(buffer, offset = 0, size) {
  const view = buffer instanceof ArrayBuffer ? new Uint8Array(buffer) : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  fillRandom(view.subarray(offset, size === undefined ? undefined : offset + size));
  return buffer;
}

export function randomFill(buffer, ...rest) {
  const done = rest.pop();
  randomFillSync(buffer, ...rest);
  queueMicrotask(() => done(null, buffer));
}

export function randomInt(min, max, done) {
  if (max === undefined || typeof max === "function") [min, max, done] = [0, min, max];
  const range = max - min;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || !(range > 0 && range <= 2 ** 48 - 1)) {
    throw new RangeError("randomInt takes whole numbers, the first less than the second, at most 2^48 - 1 apart");
  }
  const limit = 2 ** 48 - (2 ** 48 % range);
  let drawn;
  do drawn = randomBytes(6).readUIntBE(0, 6);
  while (drawn >= limit);
  const value = min + (drawn % range);
  if (!done) return value;
  queueMicrotask(() => done(null, value));
}

export const randomUUID = () => globalThis.crypto.randomUUID();
export const getRandomValues = (view) => globalThis.crypto.getRandomValues(view);
export const webcrypto = globalThis.crypto;
export const subtle = globalThis.crypto.subtle;

export function pbkdf2Sync(password, salt, iterations, length, algorithm) {
  return Buffer.from(noblePbkdf2(HASHES[named(algorithm)], bytes(password), bytes(salt), { c: iterations, dkLen: length }));
}

export function scryptSync(password, salt, length, options = {}) {
  const { N = options.cost ?? 16384, r = options.blockSize ?? 8, p = options.parallelization ?? 1, maxmem = 32 * 1024 * 1024 } = options;
  return Buffer.from(nobleScrypt(bytes(password), bytes(salt), { N, r, p, dkLen: length, maxmem: maxmem + 1024 * 1024 }));
}

/** By a callback; the result is computed at once. */
const later = (compute) => (...args) => {
  const done = args.pop();
  let result;
  try {
    result = [null, compute(...args)];
  } catch (error) {
    result = [error];
  }
  queueMicrotask(() => done(...result));
};
export const pbkdf2 = later(pbkdf2Sync);
export const scrypt = later(scryptSync);

const missing = (name) => () => {
  throw new Error(`${name} of node:crypto: components don't have it; crypto.subtle may`);
};
export const [
  createCipheriv, createDecipheriv, createSign, createVerify, createPublicKey, createPrivateKey, createDiffieHellman,
  createECDH, generateKeyPair, generateKeyPairSync, publicEncrypt, privateDecrypt, sign, verify, hkdf, hkdfSync,
] = [
  "createCipheriv", "createDecipheriv", "createSign", "createVerify", "createPublicKey", "createPrivateKey",
  "createDiffieHellman", "createECDH", "generateKeyPair", "generateKeyPairSync", "publicEncrypt", "privateDecrypt", "sign",
  "verify", "hkdf", "hkdfSync",
].map(missing);
export const constants = {};

export default {
  Hash, Hmac, KeyObject, createHash, createHmac, hash, getHashes, createSecretKey, timingSafeEqual, randomBytes,
  pseudoRandomBytes, randomFillSync, randomFill, randomInt, randomUUID, getRandomValues, webcrypto, subtle, pbkdf2Sync,
  scryptSync, pbkdf2, scrypt, createCipheriv, createDecipheriv, createSign, createVerify, createPublicKey,
  createPrivateKey, createDiffieHellman, createECDH, generateKeyPair, generateKeyPairSync, publicEncrypt, privateDecrypt,
  sign, verify, hkdf, hkdfSync, constants,
};
