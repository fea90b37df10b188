import { callStream, callWithin, cast, runWithin } from "./call";
import { resolve, type Target } from "./pid";

export interface ClientOptions {
  timeoutMs?: number;
}

/** `client<typeof service>("counter").increment("apples")`: each property is a function of the process. */
export function client(target: Target, options: ClientOptions = {}): object {
  return proxy((fn, args) => callWithin(options.timeoutMs ?? 5000, target, fn, args), {
    // Not until it is called: a client may be made before its service is there.
    get pid() {
      return resolve(target);
    },
    cast: (fn: string, ...args: unknown[]) => cast(target, fn, ...args),
    stream: (fn: string, ...args: unknown[]) => callStream(target, fn, ...args),
  });
}

/** As `client`, with a fresh process of the component for each call. */
export function fresh(component: string, options: ClientOptions = {}): object {
  return proxy((fn, args) => runWithin(options.timeoutMs ?? 5000, component, fn, args), {});
}

function proxy(call: (fn: string, args: unknown[]) => Promise<unknown>, own: Record<string, unknown>): object {
  return new Proxy(own, {
    get(_, name) {
      if (typeof name === "symbol") return undefined;
      if (name.startsWith("$")) return own[name.slice(1)];
      // A client that is awaited is no promise.
      if (name === "then") return undefined;
      return (...args: unknown[]) => call(name, args);
    },
  });
}
