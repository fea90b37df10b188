// https://nodejs.org/api/timers.html#timers-promises-api
const wait = (delay, value, { signal } = {}) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = globalThis.setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve(value);
    }, delay);
    signal?.addEventListener("abort", abort, { once: true });
  });

export { wait as setTimeout };
export const setImmediate = (value, options) => wait(0, value, options);
export async function* setInterval(delay, value, options) {
  for (;;) yield await wait(delay, value, options);
}
export const scheduler = { wait: (delay, options) => wait(delay, undefined, options), yield: () => wait(0) };
export default { setTimeout: wait, setImmediate, setInterval, scheduler };
