// https://nodejs.org/api/timers.html
export const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
export const setImmediate = (run, ...args) => setTimeout(run, 0, ...args);
export const clearImmediate = clearTimeout;
import promises from "./timers-promises.js";
export { promises };
export default { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, promises };
