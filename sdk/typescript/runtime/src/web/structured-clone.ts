// https://html.spec.whatwg.org/#structured-cloning

import { Blob, File } from "./blob";

const ERRORS: Record<string, ErrorConstructor> = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

export function structuredClone<T>(value: T, options: { transfer?: readonly unknown[] } = {}): T {
  if (arguments.length === 0) throw new TypeError("structuredClone takes a value");
  const transfer = new Set([...(options?.transfer ?? [])]);
  if (options?.transfer && transfer.size !== [...options.transfer].length) throw failure("the same object is transferred twice");
  for (const object of transfer) {
    if (!(object instanceof ArrayBuffer)) throw failure("only an ArrayBuffer can be transferred");
    if (object.detached) throw failure("a detached ArrayBuffer cannot be transferred");
  }
  const made = new Map<object, unknown>();
  const clone = copy(value, made, transfer);
  // What is transferred without being part of the value is detached all the same.
  for (const buffer of transfer as Set<ArrayBuffer>) if (!made.has(buffer)) buffer.transfer();
  return clone as T;
}

function copy(value: unknown, made: Map<object, unknown>, transfer: Set<unknown>): unknown {
  if (typeof value === "symbol") throw failure("a symbol cannot be cloned");
  if (typeof value === "function") throw failure(`the function ${value.name || "without a name"} cannot be cloned`);
  if (typeof value !== "object" || value === null) return value;
  const before = made.get(value);
  if (before !== undefined) return before;

  const object = value;
  const keep = <U>(clone: U): U => {
    made.set(object, clone);
    return clone;
  };
  const inner = (part: unknown): unknown => copy(part, made, transfer);

  if (Array.isArray(object)) {
    const clone = keep(new Array<unknown>(object.length));
    copyProperties(object, clone, inner);
    return clone;
  }
  switch (brand(object)) {
    case "Boolean":
    case "Number":
    case "String":
    case "BigInt":
      return keep(Object((object as { valueOf(): unknown }).valueOf()));
    case "Date":
      return keep(new Date(Date.prototype.getTime.call(object)));
    case "RegExp":
      return keep(new RegExp((object as RegExp).source, (object as RegExp).flags));
    case "ArrayBuffer": {
      const buffer = object as ArrayBuffer;
      if (buffer.detached) throw failure("a detached ArrayBuffer cannot be cloned");
      if (transfer.has(buffer)) return keep(buffer.transfer());
      if (!buffer.resizable) return keep(buffer.slice());
      const clone = new ArrayBuffer(buffer.byteLength, { maxByteLength: buffer.maxByteLength });
      new Uint8Array(clone).set(new Uint8Array(buffer));
      return keep(clone);
    }
    case "view":
      return keep(copyView(object as ArrayBufferView, inner));
    case "Map": {
      const clone = keep(new Map<unknown, unknown>());
      for (const [key, item] of [...(object as Map<unknown, unknown>)]) clone.set(inner(key), inner(item));
      return clone;
    }
    case "Set": {
      const clone = keep(new Set<unknown>());
      for (const item of [...(object as Set<unknown>)]) clone.add(inner(item));
      return clone;
    }
    case "DOMException":
      return keep(new DOMException((object as Error).message, (object as Error).name));
    case "Error":
      return keep(copyError(object as Error, inner));
    case "Blob":
      // Nobody can change one, so that it is shared.
      return keep((object as Blob).slice(0, (object as Blob).size, (object as Blob).type));
    case "File": {
      const { name, type, lastModified } = object as File;
      return keep(new File([object as File], name, { type, lastModified }));
    }
    case "Object": {
      const clone = keep({});
      copyProperties(object, clone, inner);
      return clone;
    }
    default:
      throw failure(`${Object.prototype.toString.call(object)} cannot be cloned`);
  }
}

function copyProperties(from: object, to: object, inner: (part: unknown) => unknown): void {
  for (const key of Object.keys(from)) {
    if (!Object.hasOwn(from, key)) continue;
    const value = inner((from as Record<string, unknown>)[key]);
    // Not an assignment: a key may be `__proto__`.
    Object.defineProperty(to, key, { value, writable: true, enumerable: true, configurable: true });
  }
}

function copyView(view: ArrayBufferView, inner: (part: unknown) => unknown): ArrayBufferView {
  const { byteOffset, byteLength } = view;
  if ((view.buffer as ArrayBuffer).detached) throw failure("a view of a detached ArrayBuffer cannot be cloned");
  const tracksLength = (view.buffer as ArrayBuffer).resizable && byteOffset + byteLength === view.buffer.byteLength;
  const buffer = inner(view.buffer) as ArrayBuffer;
  if (view instanceof DataView) return new DataView(buffer, byteOffset, tracksLength ? undefined : byteLength);
  const typed = view as Uint8Array;
  const name = Reflect.get(TypedArray.prototype, Symbol.toStringTag, typed) as string;
  const Constructor = (globalThis as unknown as Record<string, Uint8ArrayConstructor>)[name]!;
  return new Constructor(buffer, byteOffset, tracksLength ? undefined : typed.length);
}

function copyError(error: Error, inner: (part: unknown) => unknown): Error {
  const Constructor = ERRORS[error.name as string] ?? Error;
  const clone = Object.create(Constructor.prototype) as Error;
  const message = Object.getOwnPropertyDescriptor(error, "message");
  const hide = (name: string, value: unknown): void => {
    Object.defineProperty(made, name, { value, writable: true, enumerable: false, configurable: true });
  };
  const made = Constructor === Error ? new Error() : new Constructor();
  Object.setPrototypeOf(made, Object.getPrototypeOf(clone) as object);
  delete (made as { message?: string }).message;
  if (message && "value" in message) hide("message", `${message.value}`);
  if (typeof error.stack === "string") hide("stack", error.stack);
  if (Object.hasOwn(error, "cause")) hide("cause", inner(error.cause));
  return made;
}

const TypedArray = Object.getPrototypeOf(Uint8Array) as { prototype: object };
const sizeOfMap = Object.getOwnPropertyDescriptor(Map.prototype, "size")!.get!;
const sizeOfSet = Object.getOwnPropertyDescriptor(Set.prototype, "size")!.get!;

/** Its kind by what the engine says of it, not by its prototype, which anybody can set. */
function brand(object: object): string {
  if (ArrayBuffer.isView(object)) return "view";
  if (object instanceof ArrayBuffer) return "ArrayBuffer";
  if (object instanceof File) return "File";
  if (object instanceof Blob) return "Blob";
  if (object instanceof DOMException) return "DOMException";
  if (is(() => sizeOfMap.call(object))) return "Map";
  if (is(() => sizeOfSet.call(object))) return "Set";
  if (is(() => Date.prototype.getTime.call(object))) return "Date";
  if (is(() => Boolean.prototype.valueOf.call(object))) return "Boolean";
  if (is(() => Number.prototype.valueOf.call(object))) return "Number";
  if (is(() => String.prototype.valueOf.call(object))) return "String";
  if (is(() => BigInt.prototype.valueOf.call(object))) return "BigInt";
  if (object instanceof RegExp) return "RegExp";
  if (object instanceof Error) return "Error";
  if (object instanceof WeakMap || object instanceof WeakSet || object instanceof WeakRef || object instanceof Promise) return "platform";
  const tag = (object as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  // An instance of a class of the platform's; an author's classes become plain objects.
  return typeof tag === "string" && !Object.hasOwn(object, Symbol.toStringTag) && platform.has(tag) ? "platform" : "Object";
}

const platform = new Set([
  "AbortSignal", "AbortController", "CryptoKey", "Event", "EventTarget", "FormData", "Generator", "AsyncGenerator",
  "Headers", "ReadableStream", "Request", "Response", "SharedArrayBuffer", "TransformStream", "URL", "URLSearchParams", "WritableStream",
]);

function is(probe: () => unknown): boolean {
  try {
    probe();
    return true;
  } catch {
    return false;
  }
}

function failure(why: string): DOMException {
  return new DOMException(why, "DataCloneError");
}
