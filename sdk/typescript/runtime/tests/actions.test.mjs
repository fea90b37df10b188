// From the runner's entry to the host's ends.

const bytes = (text) => new TextEncoder().encode(text);

test("a module is described, or refused with a reason", async () => {
  equal(component({ default: { fetch() {} }, list() {}, VERSION: 1, Class: class {} }), { kind: "handler", actions: ["fetch", "list"], functions: [] });
  equal(component({ default: () => {} }).actions, ["fetch"]);
  equal(component({ fetch() {} }).actions, ["fetch"]);
  await throws(() => component({}), /exports nothing to serve/);
  await throws(() => component({ default: 7 }), /default export/);
  await throws(() => component({ default() {}, fetch() {} }), /both the action `fetch`/);
});
test("a handler answers, at once or later", async () => {
  component({
    default: { fetch: () => new Response("hi") },
    later: async () => {
      await new Promise((done) => setTimeout(done, 5));
      return Response.json({ a: 1 }, { status: 201, headers: { "X-A": "b" } });
    },
    bytes: () => new Response(new Uint8Array([104, 105])),
    none: () => new Response(null, { status: 204 }),
  });
  const short = ({ status, headers, body }) => [status, headers, body];
  equal(short(await action(0)), [200, ["content-type", "text/plain;charset=UTF-8"], "hi"]);
  equal(short(await action(1)), [201, ["x-a", "b", "content-type", "application/json"], '{"a":1}']);
  equal(short(await action(2)), [200, [], "hi"]);
  equal(short(await action(3)), [204, [], undefined]);
});
test("a handler gets the request", async () => {
  component({
    default: async (request) =>
      Response.json([request.method, request.url, request.headers.get("X-A"), [...request.headers].length, await request.text(), request.body === null, request instanceof Request]),
  });
  const get = await action(0, { target: "/a/b?c=d%20e", headers: ["host", "example.com:8080", "x-a", "1"] });
  equal(JSON.parse(get.body), ["GET", "http://example.com:8080/a/b?c=d%20e", "1", 2, "", true, true]);
  const post = await action(0, { method: "POST", headers: ["host", "example.com"], body: "é" });
  equal(JSON.parse(post.body), ["POST", "http://example.com/", null, 1, "é", false, true]);
});
test("a request's URL is always one, whatever the client says", async () => {
  component({ default: (request) => Response.json([request.url, new URL(request.url).href === request.url]) });
  for (const [target, host, url] of [
    ["/a/../b", "x", "http://x/b"],
    ["/a/%2e%2E/b", "x", "http://x/b"],
    ["/./a", "x", "http://x/a"],
    ["/a/.b", "x", "http://x/a/.b"],
    ["//evil.com/a", "x", "http://x//evil.com/a"],
    ["/a b", "x", "http://x/a%20b"],
    ["/é", "x", "http://x/%C3%83%C2%A9".slice(0, 9) + encodeURI("é")],
    ["/", "EXAMPLE.com", "http://example.com/"],
    ["/", "x:80", "http://x/"],
    ["/", "x:080", "http://x/"],
    ["/", "1.2", "http://1.0.0.2/"],
    ["/", "[::1]:8080", "http://[::1]:8080/"],
    ["/", "a b", "http://localhost/"],
    ["*", "x", "http://x/"],
    ["/?a='b'", "x", "http://x/?a=%27b%27"],
    ["/a'b", "x", "http://x/a'b"],
    ["/a|b^", "x", "http://x/a|b^"],
    ["/a?.b/../c", "x", "http://x/a?.b/../c"],
    ["/\\..\\b", "x", "http://x/b"],
    ["/", "xn--a", "http://localhost/"],
    ["/a", "b.xn--a", "http://localhost/a"],
    ["/a", "xn--a.b:8080", "http://localhost/a"],
    ["/", "xn--mnchen-3ya.de", "http://xn--mnchen-3ya.de/"],
    ["/xn--a", "x", "http://x/xn--a"],
    ["/a", "x:99999", "http://localhost/a"],
    ["/a", "x:9999", "http://x:9999/a"],
    ["/a", "[::1", "http://localhost/a"],
    ["/a", "a..b", "http://a..b/a"],
    ["/a", "1.2.3.4.5", "http://localhost/a"],
    ["/a", "a@b", "http://localhost/a"],
    ["/a", "b/c", "http://localhost/a"],
    ["/a", "b?c", "http://localhost/a"],
    ["/a", "b#c", "http://localhost/a"],
    ["/a", "b\\c", "http://localhost/a"],
    ["/a", "b\tc", "http://localhost/a"],
    ["/./", "x", "http://x/"],
    ["/.", "x", "http://x/"],
    ["/%2e/a", "x", "http://x/a"],
  ]) {
    const { body } = await action(0, { target, headers: host === undefined ? [] : ["host", host] });
    equal(JSON.parse(body), [url, true], `${host} ${target}`);
  }
  equal(JSON.parse((await action(0)).body)[0], "http://localhost/");
});
test("HEAD is answered by a handler with the headers and the body that GET would have", async () => {
  let pulled = 0;
  let cancelled;
  component({
    sized: () => new Response(null, { headers: { "content-length": "12" } }),
    text: () => new Response("twelve bytes"),
    later: async () => new Response("twelve bytes"),
    stream: () => new Response(new ReadableStream({ pull(c) { pulled++; c.enqueue(bytes("x")); }, cancel(why) { cancelled = why.name; } }, { highWaterMark: 0 }), { status: 203, headers: { "x-a": "b" } }),
    stuck: () => new Response(new ReadableStream({ cancel: () => new Promise(() => {}) })),
    wrong: () => "text",
  });
  const head = async (index) => { const { status, headers, body, told, failed } = await action(index, { method: "HEAD" }); return failed ?? [status, headers, body ?? null, told.filter(([name]) => name === "write" || name === "respond").length]; };
  equal(await head(0), [200, ["content-length", "12"], null, 0]);
  equal(await head(1), [200, ["content-type", "text/plain;charset=UTF-8"], "twelve bytes", 0]);
  equal(await head(2), [200, ["content-type", "text/plain;charset=UTF-8"], "twelve bytes", 0]);
  equal(await head(3), [203, ["x-a", "b"], null, 0]);
  equal([pulled, cancelled], [0, "AbortError"]);
  equal(await head(4), [200, [], null, 0]);
  ok(/gave no Response/.test(await head(5)));
});
test("errors that are in a circle have an end in the log", async () => {
  component({ default: () => { const a = new Error("a"); const b = new Error("b", { cause: a }); a.cause = b; throw b; } });
  ok(/^GET \/: Error: b[^]*caused by Error: a[^]*caused by Error: b/.test((await action(0)).failed));
});
test("the headers of a request are immutable, and can be copied", async () => {
  component({
    default: async (request) => {
      await throws(() => request.headers.set("a", "b"), TypeError);
      const copy = new Request(request, { headers: { ...Object.fromEntries(request.headers), b: "2" } });
      return Response.json([[...copy.headers], await copy.json()]);
    },
  });
  const { body } = await action(0, { method: "POST", headers: ["host", "x", "a", "1"], body: "{}" });
  equal(JSON.parse(body), [[["a", "1"], ["b", "2"], ["host", "x"]], {}]);
});
test("context and environment", async () => {
  __fake.environment = ["KEY", "value"];
  component({
    default: (request, env, ctx) => Response.json([env.KEY, env.NONE ?? null, Object.keys(env), ctx.params.id, ctx.env === env]),
    named: (request, { params, env }) => Response.json([params.id, params["*"], params.toString ?? null, env.KEY]),
  });
  equal(JSON.parse((await action(0, { params: ["id", "7"] })).body), ["value", null, ["KEY"], "7", true]);
  equal(JSON.parse((await action(1, { params: ["id", "8", "*", "a/b"] })).body), ["8", "a/b", null, "value"]);
});
test("this of a fetch is its object", async () => {
  component({ default: { greeting: "hi", fetch() { return new Response(this.greeting); } } });
  equal((await action(0)).body, "hi");
});
test("what an action does wrong is told to the log", async () => {
  component({
    a: () => { throw new RangeError("too far", { cause: new Error("the root") }); },
    b: async () => { throw new Error("later"); },
    c: () => "text",
    d: () => Response.error(),
    e: async () => { const response = new Response("x"); await response.text(); return response; },
    f: () => { setTimeout(() => { throw new Error("in a timer"); }); return new Promise(() => {}); },
    g: () => { throw "a string"; },
  });
  for (const [index, expected] of [
    [0, /^GET \/: RangeError: too far\n    at .*actions.test.mjs:[^]*caused by Error: the root/],
    [1, /^GET \/: Error: later\n/],
    [2, /`c` gave no Response but 'text'/],
    [3, /Response.error/],
    [4, /body .* was read already/],
    [5, /Error: in a timer/],
    [6, /^GET \/: 'a string'/],
  ]) {
    const { failed } = await action(index);
    ok(expected.test(failed), `${expected} for ${failed}`);
    // Those of the runtime stand where there are no others.
    if (!/TypeError: (?:the action|the body)/.test(failed)) ok(!failed.includes("runtime.js"), "no frame of the runtime");
  }
});
test("a stream is sent piece by piece", async () => {
  component({
    default: () => {
      let n = 0;
      return new Response(new ReadableStream({ pull(c) { n < 3 ? c.enqueue(bytes(`${n++}`)) : c.close(); } }), { status: 203, headers: { a: "b" } });
    },
  });
  const { told } = await action(0);
  equal(told.map(([name, ...rest]) => [name, rest[0]]), [["respond", 203], ["write", "0"], ["write", "1"], ["write", "2"], ["answer", 203]]);
});
test("a client that leaves cancels the stream", async () => {
  const cancelled = [];
  component({ default: () => new Response(new ReadableStream({ pull: (c) => c.enqueue(bytes("x")), cancel: (why) => void cancelled.push(why.name) })) });
  __fake.gone = true;
  const { told } = await action(0);
  equal([told.filter(([name]) => name === "write").length, cancelled], [1, ["AbortError"]]);
});
test("whatever code makes of String.prototype, an action answers, or fails with a reason", async () => {
  const { toWellFormed, split, trimEnd } = String.prototype;
  const without = (act) => () => {
    for (const name of ["toWellFormed", "split", "trimEnd"]) delete String.prototype[name];
    return act();
  };
  component({
    text: without(() => new Response("hi \ud800")),
    later: without(async () => new Response("hi")),
    fails: without(() => { throw new Error("broken"); }),
    failsLater: without(async () => { throw new Error("broken"); }),
  });
  const outcomes = [];
  for (const index of [0, 1, 2, 3]) {
    outcomes.push(await action(index).catch((error) => ({ failed: `${error}` })));
    Object.assign(String.prototype, { toWellFormed, split, trimEnd });
  }
  equal(outcomes.slice(0, 2).map(({ status, body }) => [status, body]), [[200, "hi \ufffd"], [200, "hi"]]);
  for (const { failed } of outcomes.slice(2)) ok(failed.endsWith("an error that cannot be described"));
});
test("an error whose properties throw ends its action", async () => {
  const error = Object.defineProperty(new Error("x"), "message", { get() { throw new Error("inner"); } });
  component({ now: () => { throw error; }, later: async () => { throw error; } });
  for (const index of [0, 1]) equal((await action(index)).failed, "GET /: an error that cannot be described");
});
test("a stream that fails, and one of text, are failures", async () => {
  component({
    a: () => new Response(new ReadableStream({ pull: () => { throw new Error("broken"); } })),
    b: () => new Response(ReadableStream.from(["text"])),
  });
  ok(/^GET \/: Error: broken/.test((await action(0)).failed));
  ok(/use TextEncoderStream/.test((await action(1)).failed));
});
test("waitUntil delays the end, and not the response", async () => {
  const order = [];
  component({
    default: (request, env, ctx) => {
      ctx.waitUntil(new Promise((done) => setTimeout(() => { order.push("waited"); done(); }, 5)));
      ctx.waitUntil(Promise.reject(new Error("lost")));
      return new Response("x");
    },
  });
  const { told } = await action(0);
  order.push("answered");
  equal(order, ["waited", "answered"]);
  const written = told.filter(([name]) => ["respond", "write", "answer"].includes(name)).map(([name]) => name);
  equal(written, ["respond", "write", "answer"]);
  equal(told[0][2].slice(-2), ["content-length", "1"]);
  ok(told.some(([name, level, text]) => name === "log" && level === "error" && text.startsWith("waitUntil: Error: lost")));
});
test("console goes to the log", async () => {
  component({
    default: () => {
      console.log("a %s b %d", { c: [1] }, "7", new Map([[1, 2]]));
      console.warn(new TypeError("w"));
      console.debug(undefined, null, 1n, Symbol("s"), () => {});
      console.group("g");
      console.error("in\nside");
      console.groupEnd();
      console.assert(false, "no");
      return new Response();
    },
  });
  const { told } = await action(0);
  const lines = told.filter(([name]) => name === "log").map(([, level, text]) => [level, text.split("\n    at")[0]]);
  equal(lines, [
    ["info", "a { c: [ 1 ] } b 7 Map{ 1 => 2 }"],
    ["warn", "TypeError: w"],
    ["debug", "undefined null 1n Symbol(s) [Function]"],
    ["info", "g"],
    ["error", "  in\n  side"],
    ["error", "Assertion failed: no"],
  ]);
});
