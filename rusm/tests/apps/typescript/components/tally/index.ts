import { service } from "rusm";

let total = 0;

export default service({
  addUp(by: number): number {
    total += by;
    return total;
  },
  /** Built-in objects, changed by call after call. */
  extend(): number {
    for (const target of [globalThis, Math, Array.prototype, Object.prototype] as Record<string, unknown>[]) {
      target[`call${total}`] = total;
      delete target[`call${total - 2}`];
    }
    total += 1;
    return total;
  },
});
