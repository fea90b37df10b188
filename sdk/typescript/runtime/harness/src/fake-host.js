// What the machine and other processes do, played: each test sets what it needs in `__fake`.
(() => {
  const host = globalThis.__host;
  const fake = (globalThis.__fake = { headers: [], params: [], body: "", environment: [], mail: [], kv: new Map(), names: {}, gone: false });
  const told = (globalThis.__told = []);
  const bytes = (text) => host.utf8Encode(text);
  const text = (view) => host.utf8Decode(view, false);
  const tell = (name) => (...args) => { told.push([name, ...args.map((arg) => (arg instanceof Uint8Array ? text(arg) : arg))]); };
  for (const name of ["answer", "answerFunction", "failFunction", "finish", "fail"]) {
    host[name] = (...args) => {
      tell(name)(...args);
      fake.ended?.(told.at(-1));
    };
  }
  for (const name of ["log", "respond", "wsClose", "monitor", "demonitor", "link",
    "unlink", "trapExit", "exit", "send", "stash", "unstash", "cast", "setLabel", "registerTag", "unregisterTag", "streamClose"]) {
    host[name] = tell(name);
  }
  host.isPackage = () => fake.isPackage ?? false;
  let context;
  host.asyncContext = () => context;
  host.setAsyncContext = (next) => { context = next; };
  host.requestHeaders = () => fake.headers;
  host.requestParams = () => fake.params;
  host.requestBody = () => (fake.body instanceof Uint8Array ? fake.body.slice().buffer : bytes(fake.body));
  host.environment = () => fake.environment;
  const there = (name) => (...args) => { tell(name)(...args); return !fake.gone; };
  for (const name of ["write", "wsSendText", "wsSendBinary", "streamWrite"]) host[name] = there(name);
  host.connection = () => fake.connection;
  host.fetch = (...args) => fake.fetch(...args);
  host.ownPid = () => "281474976710657";
  host.receiveMail = (timeout) => {
    if (fake.mail.length > 0) return fake.mail.shift();
    if (timeout === undefined) throw new Error("the test waits for ever");
    host.sleep(timeout);
  };
  const play = (name) => { host[name] = (...args) => fake[name](...args); };
  ["call", "callStream", "run", "fetchAction", "spawn", "supervise", "streamRead", "streamAccept"].forEach(play);
  host.caller = () => fake.caller;
  host.replyStream = () => fake.replyStream;
  host.streamOpen = () => "7";
  host.streamFailure = () => fake.streamFailure;
  host.listProcesses = () => [host.ownPid()];
  host.info = () => undefined;
  host.isAlive = () => true;
  host.kill = () => true;
  host.register = () => true;
  host.unregister = () => true;
  host.whereis = (name) => fake.names[name];
  host.sendAfter = (...args) => { tell("sendAfter")(...args); return "9"; };
  host.cancelTimer = () => true;
  host.whereisTag = () => [host.ownPid()];
  host.killTag = () => 1;
  host.publish = (...args) => { tell("publish")(...args); return 2; };
  const path = (bucket, key) => `${bucket}/${key}`;
  host.kvGet = (b, k) => fake.kv.get(path(b, k))?.slice().buffer;
  host.kvSet = (b, k, v) => void fake.kv.set(path(b, k), v.slice());
  host.kvDelete = (b, k) => fake.kv.delete(path(b, k));
  host.kvExists = (b, k) => fake.kv.has(path(b, k));
  host.kvList = (b, prefix, limit) => [...fake.kv.keys()].filter((k) => k.startsWith(path(b, prefix))).map((k) => k.slice(b.length + 1)).sort().slice(0, limit || undefined);
  host.kvCompareAndSet = (b, k, expected, value) => {
    const now = fake.kv.get(path(b, k));
    if ((now && text(now)) !== (expected && text(expected))) return false;
    if (value) fake.kv.set(path(b, k), value.slice()); else fake.kv.delete(path(b, k));
    return true;
  };
  host.kvIncrement = (b, k, by) => {
    const now = fake.kv.get(path(b, k));
    const next = (now ? Number(text(now)) : 0) + by;
    fake.kv.set(path(b, k), new Uint8Array(bytes(String(next))));
    return next;
  };
})();
