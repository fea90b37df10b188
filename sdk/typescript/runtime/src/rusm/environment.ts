import { host } from "../host";
import { isReal } from "../build-time";

let variables: Record<string, string> | undefined;

function load(): Record<string, string> {
  if (variables) return variables;
  if (!isReal("the environment")) return {};
  const flat = host.environment();
  variables = {};
  for (let i = 0; i < flat.length; i += 2) variables[flat[i]!] = flat[i + 1]!;
  return variables;
}

/** The variables that the profile grants, asked for when the first is read; most requests read none. */
export const env: Record<string, string> = new Proxy({} as Record<string, string>, {
  get: (_, name) => (typeof name === "string" ? load()[name] : undefined),
  has: (_, name) => name in load(),
  ownKeys: () => Reflect.ownKeys(load()),
  getOwnPropertyDescriptor: (_, name) => {
    const value = typeof name === "string" ? load()[name] : undefined;
    return value === undefined ? undefined : { value, enumerable: true, configurable: true, writable: true };
  },
  set: (_, name, value) => Reflect.set(load(), name, value),
  deleteProperty: (_, name) => Reflect.deleteProperty(load(), name),
});
