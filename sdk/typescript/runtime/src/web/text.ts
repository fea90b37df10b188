// https://encoding.spec.whatwg.org/#api
import { host } from "../host";
import { toBytes, type BufferSource } from "./bytes";
import { wellFormed } from "./well-formed";

export class TextEncoder {
  get encoding(): string {
    return "utf-8";
  }

  encode(input = ""): Uint8Array {
    return encodeUtf8(`${input}`);
  }

  encodeInto(source: string, destination: Uint8Array): { read: number; written: number } {
    if (!(destination instanceof Uint8Array)) throw new TypeError("encodeInto writes to a Uint8Array");
    const text = `${source}`;
    let read = 0;
    let written = 0;
    const room = destination.length;
    while (read < text.length) {
      let code = text.codePointAt(read)!;
      const units = code > 0xffff ? 2 : 1;
      if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
      if (code < 0x80) {
        if (written + 1 > room) break;
        destination[written++] = code;
      } else if (code < 0x800) {
        if (written + 2 > room) break;
        destination[written++] = 0xc0 | (code >> 6);
        destination[written++] = 0x80 | (code & 0x3f);
      } else if (code < 0x10000) {
        if (written + 3 > room) break;
        destination[written++] = 0xe0 | (code >> 12);
        destination[written++] = 0x80 | ((code >> 6) & 0x3f);
        destination[written++] = 0x80 | (code & 0x3f);
      } else {
        if (written + 4 > room) break;
        destination[written++] = 0xf0 | (code >> 18);
        destination[written++] = 0x80 | ((code >> 12) & 0x3f);
        destination[written++] = 0x80 | ((code >> 6) & 0x3f);
        destination[written++] = 0x80 | (code & 0x3f);
      }
      read += units;
    }
    return { read, written };
  }

  get [Symbol.toStringTag](): string {
    return "TextEncoder";
  }
}

export function encodeUtf8(text: string): Uint8Array {
  return new Uint8Array(host.utf8Encode(wellFormed(text)));
}

/** UTF-8 decode without BOM: a byte order mark is content. */
export function decodeUtf8KeepingMark(bytes: Uint8Array): string {
  return host.utf8Decode(bytes, false) as string;
}

/** UTF-8 decode (with the byte order mark gone), as bodies and blobs do it. */
export function decodeUtf8(bytes: Uint8Array): string {
  const text = decodeUtf8KeepingMark(bytes);
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

const LABELS: Record<Encoding, string> = {
  "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
  "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
  "utf-16be": "unicodefffe utf-16be",
  "windows-1252":
    "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
};
const encodings = new Map<string, Encoding>();
for (const encoding of Object.keys(LABELS) as Encoding[]) {
  for (const label of LABELS[encoding].split(" ")) encodings.set(label, encoding);
}

/** What bytes 0x80 to 0x9f are: https://encoding.spec.whatwg.org/index-windows-1252.txt */
const WINDOWS_1252 =
  "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
  "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";

export interface TextDecoderOptions {
  fatal?: boolean;
  ignoreBOM?: boolean;
}

export class TextDecoder {
  #encoding: Encoding;
  #fatal: boolean;
  #ignoreBom: boolean;
  /** Bytes of a character whose rest has not come yet. */
  #rest: Uint8Array = EMPTY;
  /** Nothing of this stream has been decoded yet, so a byte order mark may come. */
  #atStart = true;

  constructor(label = "utf-8", options: TextDecoderOptions = {}) {
    const encoding = encodings.get(`${label}`.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "").toLowerCase());
    if (!encoding) throw new RangeError(`the encoding ${JSON.stringify(`${label}`)} is not supported: utf-8, utf-16le, utf-16be and latin1 are`);
    this.#encoding = encoding;
    this.#fatal = !!options?.fatal;
    this.#ignoreBom = !!options?.ignoreBOM;
  }

  get encoding(): string {
    return this.#encoding;
  }

  get fatal(): boolean {
    return this.#fatal;
  }

  get ignoreBOM(): boolean {
    return this.#ignoreBom;
  }

  decode(input?: BufferSource, options: { stream?: boolean } = {}): string {
    const given = input === undefined ? EMPTY : toBytes(input);
    const stream = !!options?.stream;
    let bytes = given;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + given.length);
      bytes.set(this.#rest);
      bytes.set(given, this.#rest.length);
      this.#rest = EMPTY;
    }
    if (stream) {
      const whole = this.#wholeCharacters(bytes);
      // A copy: the caller may write to its own bytes before the rest comes.
      this.#rest = bytes.slice(whole);
      bytes = bytes.subarray(0, whole);
    }
    let text: string;
    try {
      text = this.#decodeWhole(bytes);
    } catch (error) {
      this.#rest = EMPTY;
      this.#atStart = true;
      throw error;
    }
    if (this.#atStart && text.length > 0) {
      if (!this.#ignoreBom && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      this.#atStart = false;
    }
    if (!stream) this.#atStart = true;
    return text;
  }

  get [Symbol.toStringTag](): string {
    return "TextDecoder";
  }

  /** How many of these bytes end with a character: the others may be the beginning of one. */
  #wholeCharacters(bytes: Uint8Array): number {
    if (this.#encoding === "windows-1252") return bytes.length;
    if (this.#encoding === "utf-8") return wholeUtf8(bytes);
    let whole = bytes.length & ~1;
    if (whole >= 2) {
      const high = this.#encoding === "utf-16le" ? bytes[whole - 1]! : bytes[whole - 2]!;
      if ((high & 0xfc) === 0xd8) whole -= 2;
    }
    return whole;
  }

  #decodeWhole(bytes: Uint8Array): string {
    if (this.#encoding === "utf-8") {
      const text = host.utf8Decode(bytes, this.#fatal);
      if (text === undefined) throw new TypeError("these bytes are not utf-8");
      return text;
    }
    if (this.#encoding === "windows-1252") return decodeWindows1252(bytes);
    const text = decodeUtf16(bytes, this.#encoding === "utf-16le");
    if (!this.#fatal) return wellFormed(text) + (bytes.length & 1 ? "\ufffd" : "");
    if (bytes.length & 1 || !text.isWellFormed()) throw new TypeError(`these bytes are not ${this.#encoding}`);
    return text;
  }
}

const EMPTY = new Uint8Array(0);

/** As much as is no beginning of a valid sequence: https://encoding.spec.whatwg.org/#utf-8-decoder */
function wholeUtf8(bytes: Uint8Array): number {
  const end = bytes.length;
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xc2 && byte <= 0xdf ? 2 : (byte & 0xf0) === 0xe0 ? 3 : byte >= 0xf0 && byte <= 0xf4 ? 4 : 1;
    if (needed <= back) return end;
    if (back >= 2) {
      // The second byte of some sequences has narrower bounds.
      const second = bytes[end - back + 1]!;
      const low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
      const high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
      if (second < low || second > high) return end;
    }
    return end - back;
  }
  return end;
}

function decodeUtf16(bytes: Uint8Array, little: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: string[] = [];
  const units = bytes.length >> 1;
  for (let at = 0; at < units; ) {
    const piece: number[] = [];
    for (const end = Math.min(at + 4096, units); at < end; at++) piece.push(view.getUint16(at * 2, little));
    pieces.push(String.fromCharCode(...piece));
  }
  return pieces.join("");
}

function decodeWindows1252(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 4096) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + 4096)));
  }
  return pieces.join("").replace(/[\x80-\x9f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80]!);
}
