// https://nodejs.org/api/process.html, as far as a component has a process
import { env as granted } from "rusm";

const listeners = new Map();
const NODE_ENV = "production";

/** The variables that the profile grants. `NODE_ENV` is "production" unless it is granted. */
export const env = new Proxy(granted, {
  get: (target, name) => target[name] ?? (name === "NODE_ENV" ? NODE_ENV : undefined),
  has: (target, name) => name === "NODE_ENV" || name in target,
});

export const nextTick = (run, ...args) => queueMicrotask(() => run(...args));
export const version = "v22.0.0";
export const versions = { node: "22.0.0" };
export const platform = "linux";
export const arch = "wasm32";
export const argv = ["rusm"];
export const execArgv = [];
export const execPath = "/rusm";
export const pid = 1;
export const ppid = 0;
export const title = "rusm";
export const release = { name: "node" };
export const features = {};
export const config = {};
export const exitCode = undefined;
export const cwd = () => "/";
export const umask = () => 0o022;
export const uptime = () => performance.now() / 1000;
export const memoryUsage = () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 });
export const cpuUsage = () => ({ user: 0, system: 0 });
export const hrtime = Object.assign(
  (since) => {
    const now = performance.now();
    let [seconds, nanos] = [Math.floor(now / 1000), Math.floor((now % 1000) * 1e6)];
    if (since) {
      seconds -= since[0];
      nanos -= since[1];
      if (nanos < 0) [seconds, nanos] = [seconds - 1, nanos + 1e9];
    }
    return [seconds, nanos];
  },
  { bigint: () => BigInt(Math.round(performance.now() * 1e6)) },
);
export const emitWarning = (warning) => console.warn(warning instanceof Error ? warning : `Warning: ${warning}`);
export const exit = (code = 0) => {
  throw new Error(`process.exit(${code}): a component can't end the server; use \`exit\` of the module rusm to end its process`);
};
export const abort = () => exit(134);
export const getuid = () => 0;
export const geteuid = getuid;
export const getgid = getuid;
export const getegid = getuid;
export const getBuiltinModule = () => undefined;
export const binding = (name) => {
  throw new Error(`process.binding("${name}"): components don't have it`);
};

const stream = (level) => ({
  isTTY: false,
  columns: 80,
  writable: true,
  write(chunk, ...rest) {
    console[level](typeof chunk === "string" ? chunk.replace(/\n$/, "") : new TextDecoder().decode(chunk).replace(/\n$/, ""));
    const done = rest.find((arg) => typeof arg === "function");
    if (done) nextTick(done);
    return true;
  },
  end() {},
  on() { return this; },
  once() { return this; },
  emit: () => false,
  removeListener() { return this; },
});
export const stdout = stream("log");
export const stderr = stream("error");
export const stdin = { isTTY: false, on() { return this; }, resume() { return this; }, pause() { return this; } };

/** `unhandledRejection` and `uncaughtException` are the events of the global object. */
const EVENTS = {
  unhandledRejection: ["unhandledrejection", (event) => [event.reason, event.promise]],
  rejectionHandled: ["rejectionhandled", (event) => [event.promise]],
  uncaughtException: ["error", (event) => [event.error, "uncaughtException"]],
};

export function on(name, listener) {
  const all = listeners.get(name) ?? [];
  listeners.set(name, [...all, listener]);
  if (all.length === 0 && Object.hasOwn(EVENTS, name)) {
    const [type, args] = EVENTS[name];
    addEventListener(type, (event) => {
      if (emit(name, ...args(event))) event.preventDefault();
    });
  }
  return process;
}
export function once(name, listener) {
  const run = (...args) => {
    off(name, run);
    listener(...args);
  };
  run.listener = listener;
  return on(name, run);
}
export function off(name, listener) {
  listeners.set(name, (listeners.get(name) ?? []).filter((each) => each !== listener && each.listener !== listener));
  return process;
}
export function emit(name, ...args) {
  const all = listeners.get(name) ?? [];
  for (const listener of all) listener(...args);
  return all.length > 0;
}
export const addListener = on;
export const prependListener = on;
export const removeListener = off;
export const removeAllListeners = (name) => {
  if (name === undefined) listeners.clear();
  else listeners.delete(name);
  return process;
};
export const listenerCount = (name) => (listeners.get(name) ?? []).length;
export const setMaxListeners = () => process;
export const getMaxListeners = () => 10;
const listenersOf = (name) => [...(listeners.get(name) ?? [])];
export { listenersOf as listeners };

const process = {
  env, nextTick, version, versions, platform, arch, argv, execArgv, execPath, pid, ppid, title, release, features, config,
  exitCode, cwd, umask, uptime, memoryUsage, cpuUsage, hrtime, emitWarning, exit, abort, getuid, geteuid, getgid, getegid,
  getBuiltinModule, binding, stdout, stderr, stdin, on, once, off, emit, addListener, prependListener, removeListener,
  removeAllListeners, listenerCount, setMaxListeners, getMaxListeners, listeners: listenersOf,
  [Symbol.toStringTag]: "process",
};
export default process;
