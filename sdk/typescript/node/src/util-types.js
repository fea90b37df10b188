// https://nodejs.org/api/util.html#utiltypes
import npm from "util";

const tagged = (tag) => (value) => Object.prototype.toString.call(value) === `[object ${tag}]`;
const types = {
  ...npm.types,
  isDate: (value) => value instanceof Date,
  isRegExp: (value) => value instanceof RegExp,
  isNativeError: (value) => value instanceof Error,
  isPromise: tagged("Promise"),
  isMap: tagged("Map"),
  isSet: tagged("Set"),
  isWeakMap: tagged("WeakMap"),
  isWeakSet: tagged("WeakSet"),
  isArrayBufferView: ArrayBuffer.isView,
  isProxy: () => false,
  isExternal: () => false,
};
export const {
  isDate, isRegExp, isNativeError, isPromise, isMap, isSet, isWeakMap, isWeakSet, isArrayBufferView, isProxy, isExternal,
  isTypedArray, isUint8Array, isUint8ClampedArray, isUint16Array, isUint32Array, isInt8Array, isInt16Array, isInt32Array,
  isFloat32Array, isFloat64Array, isBigInt64Array, isBigUint64Array, isArrayBuffer, isAnyArrayBuffer, isSharedArrayBuffer,
  isDataView, isAsyncFunction, isGeneratorFunction, isGeneratorObject, isMapIterator, isSetIterator, isStringObject,
  isNumberObject, isBooleanObject, isSymbolObject, isBigIntObject, isBoxedPrimitive, isArgumentsObject,
} = types;
export default types;
