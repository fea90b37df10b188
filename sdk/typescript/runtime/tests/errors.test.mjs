// Events of errors, and what a client's mistake is.
test("an error that is reported is an event of the global object", async () => {
  const seen = [];
  const listener = (event) => { seen.push([event.type, event.error.message, event instanceof ErrorEvent, event.target === globalThis]); event.preventDefault(); };
  addEventListener("error", listener);
  component({ default: () => { reportError(new Error("a")); queueMicrotask(() => { throw new Error("b"); }); return new Response(); } });
  const { told } = await action(0);
  await null;
  removeEventListener("error", listener);
  equal(seen, [["error", "a", true, true], ["error", "b", true, true]]);
  ok(!told.some(([name]) => name === "log"), "no line, as the default was prevented");
  globalThis.onerror = (...args) => { seen.push(args.length); throw new Error("of the handler"); };
  reportError(new Error("c"));
  globalThis.onerror = null;
  equal(seen.at(-1), 5);
});
test("a rejection without a handler is a line and an event", () => {
  const seen = [];
  const listener = (event) => seen.push([event.type, event.reason.message]);
  for (const type of ["unhandledrejection", "rejectionhandled"]) addEventListener(type, listener);
  __told.length = 0;
  const promise = Promise.resolve();
  const reason = new Error("lost");
  __runner.rejection(promise, reason, false);
  __runner.reportRejections();
  __runner.reportRejections();
  ok(__told.length === 1 && __told[0][2].startsWith("unhandled rejection: Error: lost"), JSON.stringify(__told));
  __runner.rejection(promise, reason, true);
  __runner.reportRejections();
  // One that gets its handler in time is nothing to tell of.
  __runner.rejection(promise, reason, false);
  __runner.rejection(promise, reason, true);
  __runner.reportRejections();
  for (const type of ["unhandledrejection", "rejectionhandled"]) removeEventListener(type, listener);
  equal(seen, [["unhandledrejection", "lost"], ["rejectionhandled", "lost"]]);
  equal(__told.length, 1);
});
test("a body that is no JSON is the client's mistake", async () => {
  component({
    default: async (request) => Response.json(await request.json()),
    own: async () => { JSON.parse("{"); },
    form: async (request) => { await request.formData(); },
  });
  const bad = { method: "POST", body: "{", headers: ["content-type", "multipart/form-data; boundary=x"] };
  for (const index of [0, 2]) {
    const { status, told } = await action(index, bad);
    equal([status, told.filter(([name, level]) => name === "log" && level === "error")], [400, []]);
  }
  ok(/^POST \/: SyntaxError/.test((await action(1, bad)).failed));
});
test("performance.now is since the instance began", () => {
  ok(performance.now() >= 0 && performance.now() < 60_000);
  ok(Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000);
});
test("messages go through a channel", async () => {
  const { port1, port2 } = new MessageChannel();
  const got = new Promise((done) => (port2.onmessage = (event) => done(event.data)));
  port1.postMessage({ a: [1] });
  equal(await got, { a: [1] });
  ok(new MessageEvent("message", { data: 1 }).data === 1);
});
test("forms are read as browsers and Node write them", async () => {
  const form = async (head) => {
    const body = `--x\r\n${head}\r\n\r\ncontent\r\n--x--\r\n`;
    return [...(await new Response(body, { headers: { "content-type": "multipart/form-data; boundary=x" } }).formData())];
  };
  const disposition = "Content-Disposition: form-data;";
  for (const [head, name, filename] of [
    [`${disposition} name="a"; filename*=UTF-8''gr%C3%BCn.txt`, "a", "grün.txt"],
    [`${disposition} name="a";\r\n filename="b.txt"`, "a", "b.txt"],
    [`${disposition} filename="; name=b"; name="a"`, "a", "; name=b"],
    [`${disposition} name="a\\"b"; filename="c\\\\d"`, 'a"b', "c\\d"],
    [`${disposition} name="a%22b"; filename="C:\\x.txt"`, 'a"b', "C:\\x.txt"],
    [`${disposition} name="a\\"; filename="b"`, "a\\", "b"],
  ]) {
    const [[gotName, file]] = await form(head);
    equal([gotName, file.name], [name, filename], head);
  }
});
