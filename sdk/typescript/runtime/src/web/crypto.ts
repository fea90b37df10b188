// https://w3c.github.io/webcrypto/
import { host } from "../host";
import { started } from "../build-time";
import { toBytes, type BufferSource } from "./bytes";
import { SubtleCrypto } from "./subtle";

const QUOTA = 65536;

export class Crypto {
  get subtle(): SubtleCrypto {
    return subtle;
  }

  getRandomValues<T extends ArrayBufferView>(array: T): T {
    started("a random value");
    if (!ArrayBuffer.isView(array) || array instanceof DataView || array instanceof Float32Array || array instanceof Float64Array || isFloat16(array)) {
      throw new DOMException("getRandomValues fills an array of integers", "TypeMismatchError");
    }
    if (array.byteLength > QUOTA) throw new DOMException(`getRandomValues fills at most ${QUOTA} bytes, not ${array.byteLength}`, "QuotaExceededError");
    toBytes(array as BufferSource).set(new Uint8Array(host.random(array.byteLength)));
    return array;
  }

  randomUUID(): string {
    started("a random UUID");
    const bytes = new Uint8Array(host.random(16));
    // RFC 9562, section 5.4: version 4, variant 10.
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    let hex = "";
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) hex += "-";
      hex += HEX[bytes[i]!];
    }
    return hex;
  }

  get [Symbol.toStringTag](): string {
    return "Crypto";
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const subtle = new SubtleCrypto();

function isFloat16(array: ArrayBufferView): boolean {
  return Object.prototype.toString.call(array) === "[object Float16Array]";
}
