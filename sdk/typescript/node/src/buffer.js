// https://nodejs.org/api/buffer.html
import * as npm from "buffer";

const { Buffer, SlowBuffer, INSPECT_MAX_BYTES, kMaxLength } = npm.default ?? npm;

// The package has all encodings but the newest one.
const isUrl = (encoding) => typeof encoding === "string" && encoding.toLowerCase() === "base64url";
const { from, byteLength, isEncoding } = Buffer;
const { toString, write, fill } = Buffer.prototype;
const plain = (encoding) => (isUrl(encoding) ? "base64" : encoding);

Buffer.from = (value, encoding, length) => from.call(Buffer, value, plain(encoding), length);
Buffer.byteLength = (value, encoding) => byteLength.call(Buffer, value, plain(encoding));
Buffer.isEncoding = (encoding) => isUrl(encoding) || isEncoding(encoding);
Buffer.prototype.toString = function (encoding, start, end) {
  if (!isUrl(encoding)) return toString.apply(this, arguments);
  return toString.call(this, "base64", start, end).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};
Buffer.prototype.write = function (text, offset, length, encoding) {
  if (isUrl(offset)) return write.call(this, text, "base64");
  if (isUrl(length)) return write.call(this, text, offset, undefined, "base64");
  return write.call(this, text, offset, length, plain(encoding));
};
Buffer.prototype.fill = function (...args) {
  return fill.apply(this, args.map(plain));
};
// Methods that the package lacks are those of Uint8Array: `Buffer` is one.
Buffer.copyBytesFrom = (view, offset = 0, length) => Buffer.from(view.slice(offset, length === undefined ? undefined : offset + length).buffer);

const constants = { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: 0x1fffffff };
const { atob, btoa, Blob, File } = globalThis;
const isUtf8 = (bytes) => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};
const isAscii = (bytes) => new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength).every((byte) => byte < 128);

export { Buffer, SlowBuffer, INSPECT_MAX_BYTES, kMaxLength, constants, atob, btoa, Blob, File, isUtf8, isAscii };
export const kStringMaxLength = constants.MAX_STRING_LENGTH;
export default { Buffer, SlowBuffer, INSPECT_MAX_BYTES, kMaxLength, kStringMaxLength, constants, atob, btoa, Blob, File, isUtf8, isAscii };
