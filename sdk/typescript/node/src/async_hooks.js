// https://nodejs.org/api/async_context.html: what `await`, `then`, timers and microtasks inherit
const { asyncContext, setAsyncContext } = globalThis[Symbol.for("rusm.node")];

/** Runs a function with the stores of another place; each set of stores is a Map that is never changed. */
function within(stores, run, self, args) {
  const before = asyncContext();
  setAsyncContext(stores);
  try {
    return Reflect.apply(run, self, args);
  } finally {
    setAsyncContext(before);
  }
}

export class AsyncLocalStorage {
  #defaultValue;
  #name;

  constructor({ defaultValue, name = "" } = {}) {
    this.#defaultValue = defaultValue;
    this.#name = name;
  }

  get name() {
    return this.#name;
  }

  static bind(run) {
    const stores = asyncContext();
    return function (...args) {
      return within(stores, run, this, args);
    };
  }

  static snapshot() {
    const stores = asyncContext();
    return (run, ...args) => within(stores, run, undefined, args);
  }

  getStore() {
    const stores = asyncContext();
    return stores?.has(this) ? stores.get(this) : this.#defaultValue;
  }

  run(store, run, ...args) {
    return within(new Map(asyncContext()).set(this, store), run, undefined, args);
  }

  exit(run, ...args) {
    return within(this.#without(), run, undefined, args);
  }

  enterWith(store) {
    setAsyncContext(new Map(asyncContext()).set(this, store));
  }

  disable() {
    setAsyncContext(this.#without());
  }

  #without() {
    const stores = new Map(asyncContext());
    stores.delete(this);
    return stores;
  }
}

let lastId = 1;

export class AsyncResource {
  #stores = asyncContext();
  #id = ++lastId;

  constructor(type) {
    this.type = type;
  }

  static bind(run, type, self) {
    return new AsyncResource(type ?? run.name ?? "bound").bind(run, self);
  }

  bind(run, self) {
    const resource = this;
    return function (...args) {
      return resource.runInAsyncScope(run, self ?? this, ...args);
    };
  }

  runInAsyncScope(run, self, ...args) {
    return within(this.#stores, run, self, args);
  }

  emitDestroy() {
    return this;
  }

  asyncId() {
    return this.#id;
  }

  triggerAsyncId() {
    return 1;
  }
}

export const executionAsyncId = () => 1;
export const triggerAsyncId = () => 0;
export const executionAsyncResource = () => ({});
/** There are no events of asynchronous operations: the hook is never called. */
export const createHook = () => ({ enable() { return this; }, disable() { return this; } });

export default { AsyncLocalStorage, AsyncResource, executionAsyncId, triggerAsyncId, executionAsyncResource, createHook };
