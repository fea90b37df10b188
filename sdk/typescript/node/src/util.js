// https://nodejs.org/api/util.html
import npm from "util";
import { inspect } from "./util-inspect.js";
import types from "./util-types.js";

export { inspect };
export const { format, deprecate, inherits, promisify, callbackify, debuglog } = npm;
export const { isArray, isBoolean, isNull, isNullOrUndefined, isNumber, isString, isSymbol, isUndefined, isRegExp, isObject, isDate, isError, isFunction, isPrimitive, isBuffer } = npm;
export { types };
export const debug = debuglog;
export const { TextEncoder, TextDecoder } = globalThis;
export const formatWithOptions = (_options, ...args) => format(...args);
export const stripVTControlCharacters = (text) => text.replace(/\u001b\[[0-9;?]*[A-Za-z]|\u001b\][^\u0007]*\u0007/g, "");
export const toUSVString = (text) => `${text}`.toWellFormed();
export const isDeepStrictEqual = (one, other) => same(one, other, new Map());
export const styleText = (_style, text) => text;
export const aborted = (signal) => new Promise((resolve) => {
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
});

function same(one, other, seen) {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (seen.get(one) === other) return true;
  seen.set(one, other);
  if (one instanceof Date) return Object.is(+one, +other);
  if (one instanceof RegExp) return String(one) === String(other);
  if (one instanceof Error && (one.message !== other.message || one.name !== other.name)) return false;
  if (ArrayBuffer.isView(one) || one instanceof ArrayBuffer) {
    const bytes = (value) => (ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value));
    const [left, right] = [bytes(one), bytes(other)];
    return left.length === right.length && left.every((byte, at) => byte === right[at]);
  }
  if (one instanceof Map) {
    if (one.size !== other.size) return false;
    for (const [key, value] of one) if (!other.has(key) || !same(value, other.get(key), seen)) return false;
  }
  if (one instanceof Set) {
    if (one.size !== other.size) return false;
    for (const value of one) if (!other.has(value) && ![...other].some((each) => same(value, each, seen))) return false;
  }
  const keys = Reflect.ownKeys(one).filter((key) => Object.prototype.propertyIsEnumerable.call(one, key));
  const others = Reflect.ownKeys(other).filter((key) => Object.prototype.propertyIsEnumerable.call(other, key));
  return keys.length === others.length && keys.every((key) => Object.hasOwn(other, key) && same(one[key], other[key], seen));
}

export default {
  ...npm, inspect, types, debug, TextEncoder, TextDecoder, formatWithOptions, stripVTControlCharacters, toUSVString,
  isDeepStrictEqual, styleText, aborted,
};
