// Outgoing requests, over a host that is played.

const calls = [];
const answers = (table) => {
  calls.length = 0;
  __fake.fetch = (method, url, headers, body, timeoutMs) => {
    calls.push({ method, url, headers: Object.fromEntries(new Headers(headers.reduce((pairs, part, i) => (i % 2 ? pairs : [...pairs, [part, headers[i + 1]]]), []))), body: new TextDecoder().decode(body), timeoutMs });
    const answer = table[url];
    if (answer instanceof Error) throw answer;
    const [status, flat = [], content = ""] = answer;
    return { status, headers: flat, body: new TextEncoder().encode(content).buffer };
  };
};
const failure = (kind, message) => Object.assign(new Error(message), { kind });

test("a fetched response is a Response", async () => {
  answers({ "http://a/x?y": [201, ["content-type", "application/json", "set-cookie", "a", "set-cookie", "b"], '{"z":1}'] });
  const response = await fetch("http://a/x?y#frag", { method: "post", body: "in", headers: { "X-A": "1" } });
  equal([response.status, response.ok, response.url, response.redirected, response.type, response.headers.getSetCookie()], [201, true, "http://a/x?y", false, "basic", ["a", "b"]]);
  equal(await response.json(), { z: 1 });
  equal(calls[0], { method: "POST", url: "http://a/x?y", headers: { accept: "*/*", "content-type": "text/plain;charset=UTF-8", "user-agent": "rusm", "x-a": "1" }, body: "in", timeoutMs: 30000 });
});
test("redirections are followed as the standard says", async () => {
  answers({
    "http://a/301": [301, ["location", "/end"]],
    "http://a/303": [303, ["location", "/end"]],
    "http://a/307": [307, ["location", "http://b/end"]],
    "http://a/end": [200, [], "end"],
    "http://b/end": [200, [], "b"],
    "http://a/loop": [302, ["location", "/loop"]],
    "http://a/bad": [302, ["location", "http://:"]],
    "http://a/file": [302, ["location", "file:///etc/passwd"]],
    "http://a/none": [302, [], "stays"],
  });
  const response = await fetch("http://a/301", { method: "POST", body: "x", headers: { "content-language": "en" } });
  equal([response.url, response.redirected, calls[1].method, calls[1].body, calls[1].headers["content-type"], calls[1].headers["content-language"]], ["http://a/end", true, "GET", "", undefined, undefined]);
  await fetch("http://a/303", { method: "PUT", body: "x" });
  equal(calls.at(-1).method, "GET");
  await fetch("http://a/307", { method: "POST", body: "x", headers: { authorization: "secret", cookie: "c", keep: "me" } });
  equal([calls.at(-1).method, calls.at(-1).body, calls.at(-1).headers.authorization, calls.at(-1).headers.cookie, calls.at(-1).headers.keep], ["POST", "x", undefined, undefined, "me"]);
  const before = calls.length;
  await throws(() => fetch("http://a/loop"), /more than 20 redirections/);
  equal(calls.length - before, 21);
  await throws(() => fetch("http://a/bad"), TypeError);
  await throws(() => fetch("http://a/file"), /the scheme file is not supported/);
  equal(await (await fetch("http://a/none")).text(), "stays");
  equal((await fetch("http://a/301", { redirect: "manual" })).status, 301);
  await throws(() => fetch("http://a/301", { redirect: "error" }), TypeError);
});
test("errors are TypeErrors with a cause", async () => {
  answers({ "http://a/": failure("denied", "a"), "http://b/": failure("unreachable", "connection refused"), "http://c/": failure("timeout", "") });
  const denied = await throws(() => fetch("http://a/"), TypeError);
  ok(/allow-network/.test(denied.message) && denied.cause.kind === "denied");
  ok(/connection refused/.test((await throws(() => fetch("http://b/"), TypeError)).message));
  await throws(() => fetch("http://c/"), TypeError);
  await throws(() => fetch("ftp://a/"), /the scheme ftp/);
  await throws(() => fetch("nonsense"), TypeError);
});
test("a signal's timeout is the host's", async () => {
  answers({ "http://a/": failure("timeout", "") });
  await throws(() => fetch("http://a/", { signal: AbortSignal.timeout(50) }), /TimeoutError/);
  ok(calls[0].timeoutMs > 0 && calls[0].timeoutMs <= 50);
  calls.length = 0;
  await throws(() => fetch("http://a/", { signal: AbortSignal.abort() }), /AbortError/);
  equal(calls, []);
});
test("a stream is read before it is sent", async () => {
  answers({ "http://a/": [200] });
  await fetch("http://a/", { method: "POST", duplex: "half", body: ReadableStream.from([new Uint8Array([97]), new Uint8Array([98])]) });
  equal(calls[0].body, "ab");
});
