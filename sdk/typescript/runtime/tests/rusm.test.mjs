// The module rusm.
import { Bucket, call as callProcess, CallError, callback, callStream, cast, client, env, fresh, kv, process, publish, receive, run, self, send, sendAfter, service, sse, websocket } from "rusm";

const bytes = (text) => new TextEncoder().encode(text);
const message = (value) => ({ kind: 0, message: bytes(JSON.stringify(value)).buffer });
const failure = (kind, text = "") => Object.assign(new Error(text), { kind });
const flush = () => new Promise((done) => setTimeout(done, 1));

test("the functions of a service", async () => {
  const got = [];
  const made = service({
    counts: new Map(),
    async init() { await flush(); this.counts.set("init", 1); },
    increment(name) { this.counts.set(name, (this.counts.get(name) ?? 0) + 1); return this.counts.get(name); },
    async later(x) { await flush(); return { x }; },
    nothing() {},
    fails() { throw new Error("no such thing"); },
    bug() { return undefined.x; },
    onMail(mail) { got.push(mail.type === "message" ? mail.json() : mail); },
  });
  equal(component({ default: made }), { kind: "service", functions: ["increment", "later", "nothing", "fails", "bug"], onMail: true });
  equal(await call(0, "init"), { answer: "2" });
  equal(await call(0, "a"), { answer: "1" });
  equal(await call(1, [1, "é"]), { answer: '{"x":[1,"é"]}' });
  equal(await call(2), { answer: "null" });
  equal(await call(3), { failFunction: "no such thing" });
  ok(/TypeError: cannot read/.test((await call(4)).failFunction));
  await enter("onMail", message({ a: 1 }));
  await enter("onMail", { kind: 1, pid: "7", reason: "gone" });
  equal(got, [{ a: 1 }, { type: "down", pid: "7", reason: "gone" }]);
  // What comes while a function waits is not lost: it is taken after it.
  __fake.mail = [message("while waiting")];
  equal(await call(1, 1), { answer: '{"x":1}' });
  equal(got.at(-1), "while waiting");
});
test("a service has something to call", async () => {
  await throws(() => component({ default: service({ state: 1 }) }), /no function/);
  await throws(() => component({ default: service({ init: 1, a() {} }) }), /`init` of a service/);
});
test("a generator of a service answers by the stream", async () => {
  component({ default: service({ *list(n) { for (let i = 0; i < n; i++) yield { i }; }, async *slow() { yield 1; await flush(); yield 2; } }) });
  ok(/call it by callStream/.test((await call(0, 2)).failFunction));
  __fake.replyStream = "5";
  equal(await call(0, 2), { answer: "" });
  equal(__told.filter(([name]) => name === "streamWrite"), [["streamWrite", "5", '\0{"i":0}'], ["streamWrite", "5", '\0{"i":1}']]);
  equal(await call(1), { answer: "" });
  equal(__told.filter(([name]) => name === "streamWrite").length, 2);
});
test("callbacks of the caller", async () => {
  let kept;
  component({ default: service({ async each(n, f) { const tell = callback(f); kept = tell; for (let i = 0; i < n; i++) await tell(i); return "done"; } }) });
  __fake.replyStream = "5";
  equal(await call(0, 2, 0), { answer: "" });
  equal(__told.filter(([name]) => name === "streamWrite").map(([, , chunk]) => chunk), ["\x01\0\0\0\x000", "\x01\0\0\0\x001", '\x02"done"']);
  equal(await kept(1), false);
});
test("calls", async () => {
  const made = [];
  __fake.names = { counter: "12" };
  __fake.call = (...args) => { made.push(args); return '{"n":7}'; };
  equal(await callProcess("counter", "increment", "apples", undefined, { a: 1 }), { n: 7 });
  equal(await callProcess("99", "f"), { n: 7 });
  equal(made, [["12", "increment", '["apples",null,{"a":1}]', 5000], ["99", "f", "[]", 5000]]);
  const counter = client("counter", { timeoutMs: 100 });
  equal(await counter.increment("x"), { n: 7 });
  equal(made.at(-1), ["12", "increment", '["x"]', 100]);
  equal(await (async () => (await counter) === counter)(), true);
  equal(counter.$pid, "12");
  __fake.run = (...args) => { made.push(args); return "1"; };
  equal([await run("hasher", "hash", 1), await fresh("hasher").hash(2)], [1, 1]);
  equal(made.slice(-2), [["hasher", "hash", "[1]", 5000], ["hasher", "hash", "[2]", 5000]]);
  await cast("counter", "f", 1);
  equal(__told.at(-1), ["cast", "12", "f", "[1]"]);
});
test("a call that fails has its kind", async () => {
  const none = await throws(() => callProcess("nobody", "f"), CallError);
  equal([none.kind, none.message, none.status], ["no-name", "no process has the name `nobody`", 503]);
  for (const [kind, detail, text, status] of [
    ["timeout", "", "the answer did not come in time", 504],
    ["failed", "why", "why", 500],
    ["died", "trap", "the process ended before it answered: trap", 500],
    ["mailbox-full", "", "the process has too many messages waiting", 503],
    ["no-function", "a, b", "the process has no such function; it has a, b", 500],
    ["denied", "allow-spawn", "not allowed: allow-spawn", 500],
  ]) {
    __fake.call = () => { throw failure(kind, detail); };
    const error = await throws(() => callProcess("1", "f"), CallError);
    equal([error.kind, error.detail, error.message, error.status, error.name], [kind, detail, text, status, "CallError"]);
  }
  __fake.call = () => "{";
  equal((await throws(() => callProcess("1", "f"), CallError)).kind, "decode");
  equal((await throws(() => callProcess("1", "f", 1n), CallError)).kind, "encode");
});
test("an action that does not catch a CallError answers by its status", async () => {
  __fake.call = () => { throw failure("timeout"); };
  component({ default: () => callProcess("1", "f") , other: () => callProcess("nobody", "f") });
  equal((await action(0)).status, 504);
  const { status, told } = await action(1);
  equal(status, 503);
  ok(told.some(([name, level, text]) => name === "log" && level === "error" && text.includes("nobody")));
});
test("a stream of items, and callbacks here", async () => {
  let chunks = ["\0" + "1", "\0" + "[2]"];
  __fake.callStream = () => "5";
  __fake.streamRead = () => { const chunk = chunks.shift(); return chunk === undefined ? undefined : bytes(chunk).buffer; };
  const items = [];
  for await (const item of callStream("1", "list", "x")) items.push(item);
  equal(items, [1, [2]]);
  ok(__told.some(([name, id]) => name === "streamClose" && id === "5"));
  chunks = ["\0" + "1"];
  __fake.streamFailure = "it died";
  equal((await throws(async () => { for await (const _ of callStream("1", "list")); }, CallError)).message, "it died");
  __fake.streamFailure = undefined;
  let args;
  __fake.callStream = (pid, fn, given) => { args = given; return "5"; };
  chunks = ['\x01\x01\0\0\0"b"', '\x01\0\0\0\0"a"', "\x02" + "7"];
  const seen = [];
  equal(await callProcess("1", "f", (x) => seen.push(["first", x]), "arg", async (x) => seen.push(["second", x])), 7);
  equal([args, seen], ['[0,"arg",1]', [["second", "b"], ["first", "a"]]]);
});
test("messages", async () => {
  __told.length = 0;
  __fake.names = { counter: "12" };
  send("7", { a: 1 });
  send("7", new Uint8Array([104, 105]));
  send("counter", "text");
  send("nobody", 1);
  sendAfter("7", 1.5, 1);
  equal(publish("room", [1]), 2);
  equal(__told, [["send", "7", '{"a":1}'], ["send", "7", "hi"], ["send", "12", '"text"'], ["sendAfter", "7", 2, "1"], ["publish", "room", "[1]"]]);
  __fake.mail = [message({ x: 1 }), { kind: 2, pid: "8", reason: "r" }];
  equal((await receive()).json(), { x: 1 });
  equal(await receive(), { type: "exit", pid: "8", reason: "r" });
  equal(await receive(2), undefined);
  ok(/^\d+$/.test(self()));
});
test("a WebSocket", async () => {
  const log = [];
  const made = websocket({
    open(socket) { log.push(["open", socket.params.room, socket.headers.get("X-A"), socket.url, socket.remoteAddr, socket.subprotocol]); socket.send("hi"); },
    async message(socket, data) { await flush(); log.push(data instanceof Uint8Array ? [...data] : data); socket.send(new Uint8Array([97])); socket.close(4000, "bye"); },
    close(socket, code, reason) { log.push([code, reason]); },
    onMail(socket, mail) { log.push(mail.text()); },
  });
  __fake.connection = { method: "GET", path: "/rooms/1", query: "q=1", params: ["room", "1"], headers: ["host", "x", "x-a", "b"], remoteAddr: "127.0.0.1:9", subprotocol: "v1" };
  equal(component({ default: made }), { kind: "websocket", onMail: true });
  equal((await enter("websocketOpen")).told, [["wsSendText", "hi"], ["finish"]]);
  equal((await enter("websocketMessage", "text")).told, [["wsSendBinary", "a"], ["wsClose", 4000, "bye"], ["finish"]]);
  await enter("websocketMessage", new Uint8Array([1, 2]).buffer);
  await enter("onMail", { kind: 0, message: bytes("mail").buffer });
  await enter("websocketClose", 1006, "");
  equal(log, [["open", "1", "b", "http://x/rooms/1?q=1", "127.0.0.1:9", "v1"], "text", [1, 2], "mail", [1006, ""]]);
  await throws(() => websocket({ open() {} }), TypeError);
});
test("a socket's URL is what a request's would be", async () => {
  // The process has one connection: the test above has seen it, and its URL is known.
  component({ default: websocket({ open: (socket) => socket.send(JSON.stringify([socket.url, new URL(socket.url).href, socket.headers.get("x-a")])), message() {} }) });
  const { told } = await enter("websocketOpen");
  equal(JSON.parse(told[0][1]), ["http://x/rooms/1?q=1", "http://x/rooms/1?q=1", "b"]);
});
test("a process", async () => {
  let ran = 0;
  equal(component({ default: process(async () => { await flush(); ran++; }) }), { kind: "process" });
  equal([(await enter("run")).end, ran], [["finish"], 1]);
  component({ default: process(() => { throw new Error("lost"); }) });
  const { end } = await enter("run");
  ok(end[0] === "fail" && end[1].startsWith("Error: lost"));
});
test("the store", async () => {
  const counts = kv.bucket("counts");
  ok(counts instanceof Bucket);
  equal([await counts.get("a"), await counts.getJson("a"), await counts.has("a")], [undefined, undefined, false]);
  await counts.set("a", "é");
  await counts.set("b", new Uint8Array([1]));
  await counts.setJson("c", { d: 1 });
  equal([await counts.getText("a"), [...(await counts.get("b"))], await counts.getJson("c")], ["é", [1], { d: 1 }]);
  equal([await counts.increment("n"), await counts.increment("n", 4), await counts.increment("n", -1)], [1, 5, 4]);
  equal([await counts.compareAndSet("a", "x", "y"), await counts.compareAndSet("a", "é", "y"), await counts.getText("a")], [false, true, "y"]);
  equal([await counts.compareAndSet("new", undefined, "1"), await counts.compareAndSet("new", undefined, "2")], [true, false]);
  equal([await counts.list(), await counts.list({ prefix: "n", limit: 1 })], [["a", "b", "c", "n", "new"], ["n"]]);
  equal([await counts.delete("a"), await counts.delete("a")], [true, false]);
  await throws(() => counts.set("a", 7), TypeError);
  await throws(() => counts.increment("n", 0.5), RangeError);
});
test("Server-Sent Events of a generator and of a function", async () => {
  component({
    a: (request) => sse(request, async function* (events) {
      yield { id: 1, event: "e", data: { x: events.lastEventId }, retry: 10 };
      await flush();
      yield "two\nlines";
    }),
    b: (request) => sse(request, async (events) => {
      await events.comment("hello");
      await events.send({ data: "x" });
    }, { headers: { "x-a": "b" } }),
    c: (request) => sse(request, async (events) => { await new Promise((done) => setTimeout(done, 25)); }, { heartbeatMs: 10 }),
    d: (request) => sse(request, function* () { yield { id: "a\nb" }; }),
  });
  const sent = async (index, headers = []) => (await action(index, { headers })).told.filter(([name]) => name === "write" || name === "respond").map(([, a, b]) => b ?? a);
  equal(await sent(0, ["last-event-id", "7"]), [["content-type", "text/event-stream", "cache-control", "no-cache"], 'event: e\nid: 1\nretry: 10\ndata: {"x":"7"}\n\n', "data: two\ndata: lines\n\n"]);
  equal(await sent(1), [["x-a", "b", "content-type", "text/event-stream", "cache-control", "no-cache"], ": hello\n\n", "data: x\n\n"]);
  equal((await sent(2)).slice(1), [": \n\n", ": \n\n"]);
  ok(/the id of an event is one line/.test((await action(3)).failed));
});
test("events that are sent at once all go out, and each send settles", async () => {
  const loop = async (events, name) => { for (let n = 0; n < 5; n++) await events.send(`${name}${n}`); return name; };
  const settled = [];
  component({
    loops: (request) => sse(request, async (events) => { settled.push(...(await Promise.all([loop(events, "a"), loop(events, "b"), loop(events, "c")]))); }),
    beats: (request) => sse(request, async function* () { for (let n = 0; n < 8; n++) { yield `${n}`; await new Promise((done) => setTimeout(done, 3)); } }, { heartbeatMs: 1 }),
    burst: (request) => sse(request, async (events) => { settled.push(await Promise.all(Array.from({ length: 20 }, (_, n) => events.send(`${n}`)))); }),
  });
  const written = async (index) => (await action(index)).told.filter(([name, text]) => name === "write" && text.startsWith("data")).map(([, text]) => text.slice(6, -2));
  equal((await written(0)).sort(), ["a", "b", "c"].flatMap((name) => [0, 1, 2, 3, 4].map((n) => `${name}${n}`)));
  equal(await written(1), ["0", "1", "2", "3", "4", "5", "6", "7"]);
  equal((await written(2)).length, 20);
  equal([settled.slice(0, 3), settled[3].every((sent) => sent === true)], [["a", "b", "c"], true]);
});
test("each send that waits learns that the client has gone", async () => {
  let answers;
  component({ default: (request) => sse(request, async (events) => { answers = await Promise.all([events.send("a"), events.send("b"), events.send("c")]); }) });
  __fake.gone = true;
  await action(0);
  await flush();
  equal(answers, [false, false, false]);
});
test("the last event's id is UTF-8, as browsers send it; a header's value has a char for each byte", async () => {
  component({ default: (request) => sse(request, async (events) => { await events.send({ data: [events.lastEventId, request.headers.get("last-event-id")] }); }) });
  const latin1 = (text) => String.fromCharCode(...bytes(text));
  const seen = async (value) => JSON.parse((await action(0, { headers: ["last-event-id", value] })).told.find(([name]) => name === "write")[1].slice(6));
  equal(await seen(latin1("ü7")), ["ü7", "Ã¼7"]);
  equal(await seen(latin1("\u{1F600}")), ["\u{1F600}", latin1("\u{1F600}")]);
  equal(await seen("\xff7"), ["\ufffd7", "\xff7"]);
  equal(await seen(""), ["", ""]);
});
test("a client that leaves ends the events", async () => {
  let ended = false;
  component({ default: (request) => sse(request, async function* () { try { for (;;) { yield "x"; await flush(); } } finally { ended = true; } }) });
  __fake.gone = true;
  await action(0);
  await flush();
  equal(ended, true);
});
test("the environment is no place to build upon", () => equal([typeof env, "X" in env], ["object", false]));
