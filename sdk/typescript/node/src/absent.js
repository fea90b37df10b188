// A module of Node that components don't have, for packages that import it and may never use it: its names are
// there, and say so when they are called.
export function absent(module, has = {}) {
  const made = new Map();
  return new Proxy(has, {
    get(target, name) {
      if (name in target || typeof name === "symbol" || name === "__esModule" || name === "then") return target[name];
      if (!made.has(name)) {
        made.set(name, function () {
          throw new Error(`${name} of node:${module}: components don't have it`);
        });
      }
      return made.get(name);
    },
  });
}
