// After the Web Platform Tests fetch/api/{headers,request,response,body}.

const text = (stream) => new Response(stream).text();
const streamOf = (...chunks) => ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));

test("headers are made of objects, pairs and headers", () => {
  for (const init of [{ A: "1", b: "2" }, [["A", "1"], ["b", "2"]], new Headers({ a: "1", b: "2" }), new Map([["a", "1"], ["b", "2"]])]) {
    equal([...new Headers(init)], [["a", "1"], ["b", "2"]]);
  }
  equal([...new Headers()], []);
});
test("headers are combined and sorted, cookies are not combined", () => {
  const headers = new Headers([["b", "1"], ["set-cookie", "x=1"], ["A", "2"], ["B", "3"], ["Set-Cookie", "y=2"]]);
  equal([...headers], [["a", "2"], ["b", "1, 3"], ["set-cookie", "x=1"], ["set-cookie", "y=2"]]);
  equal(headers.getSetCookie(), ["x=1", "y=2"]);
  equal(headers.get("B"), "1, 3");
  headers.set("b", "4");
  headers.delete("SET-COOKIE");
  equal([...headers.keys()], ["a", "b"]);
  equal([...headers.values()], ["2", "4"]);
});
test("header values are normalized and checked", async () => {
  equal(new Headers({ a: " \t x y\r\n " }).get("a"), "x y");
  for (const bad of ["a\nb", "a\0b", "\u0100"]) await throws(() => new Headers({ a: bad }), TypeError);
  for (const bad of ["", "a b", "a:", "é"]) await throws(() => new Headers({ [bad]: "1" }), TypeError);
  for (const bad of [null, 1, [["a"]], [["a", "b", "c"]]]) await throws(() => new Headers(bad), TypeError);
  await throws(() => new Headers().get(), TypeError);
});
test("iterating over headers sees changes", () => {
  const headers = new Headers([["a", "1"], ["b", "2"], ["c", "3"]]);
  const seen = [];
  for (const [name] of headers) {
    seen.push(name);
    headers.delete("b");
  }
  equal(seen, ["a", "c"]);
});

test("a response has the type of its body", () => {
  const type = (body, init) => new Response(body, init).headers.get("content-type");
  equal(type("x"), "text/plain;charset=UTF-8");
  equal(type(new URLSearchParams("a=b")), "application/x-www-form-urlencoded;charset=UTF-8");
  equal(type(new Blob(["x"], { type: "image/png" })), "image/png");
  equal(type(new Uint8Array(1)), null);
  equal(type(null), null);
  ok(type(new FormData()).startsWith("multipart/form-data; boundary="));
  equal(type("x", { headers: { "Content-Type": "text/html" } }), "text/html");
});
test("a response's init is checked", async () => {
  equal(new Response(null, { status: 204, statusText: "Nothing" }).statusText, "Nothing");
  for (const status of [0, 199, 600, 101]) await throws(() => new Response(null, { status }), RangeError);
  for (const status of [204, 205, 304]) await throws(() => new Response("x", { status }), TypeError);
  await throws(() => new Response(null, { statusText: "a\n" }), TypeError);
  ok(new Response(null, { status: 299 }).ok && !new Response(null, { status: 300 }).ok);
});
test("Response.json, redirect, error", async () => {
  const response = Response.json({ a: [1] }, { status: 201 });
  equal([response.status, response.headers.get("content-type"), await response.json()], [201, "application/json", { a: [1] }]);
  equal(Response.json(1, { headers: { "content-type": "foo/bar" } }).headers.get("content-type"), "foo/bar");
  await throws(() => Response.json(Symbol()), TypeError);
  const redirect = Response.redirect("https://example.com/a b", 308);
  equal([redirect.status, redirect.headers.get("location")], [308, "https://example.com/a%20b"]);
  await throws(() => Response.redirect("https://x/", 200), RangeError);
  await throws(() => Response.redirect("nowhere"), TypeError);
  await throws(() => redirect.headers.set("a", "b"), TypeError);
  const error = Response.error();
  equal([error.type, error.status, error.body], ["error", 0, null]);
});
test("a body is read once, by any of its methods", async () => {
  for (const method of ["text", "json", "arrayBuffer", "bytes", "blob"]) {
    for (const body of ["1", new TextEncoder().encode("1"), new Blob(["1"]), streamOf("1")]) {
      const response = new Response(body);
      equal(response.bodyUsed, false);
      await response[method]();
      equal(response.bodyUsed, true);
      await throws(() => response[method](), TypeError);
      await throws(() => response.clone(), TypeError);
    }
  }
  equal(await new Response(null).text(), "");
  await throws(() => new Response("{").json(), SyntaxError);
});
test("a body's stream has its bytes", async () => {
  equal(await text(new Response("é").body), "é");
  equal(new Response(null).body, null);
  const response = new Response("abc");
  const reader = response.body.getReader();
  await throws(() => response.text(), TypeError);
  equal([...(await reader.read()).value], [97, 98, 99]);
  equal((await reader.read()).done, true);
  ok(response.bodyUsed);
  const byob = new Response("abc").body.getReader({ mode: "byob" });
  equal([...(await byob.read(new Uint8Array(8))).value], [97, 98, 99]);
});
test("a body of bytes is a copy, in and out", async () => {
  const bytes = new Uint8Array([1, 2]);
  const response = new Response(bytes);
  bytes[0] = 9;
  const copy = response.clone();
  const read = await response.bytes();
  read[1] = 9;
  equal([...(await copy.bytes())], [1, 2]);
});
test("clones are read each by itself", async () => {
  for (const body of ["abc", streamOf("a", "bc")]) {
    const response = new Response(body, { status: 201, headers: { a: "b" } });
    const clone = response.clone();
    equal([await clone.text(), await response.text(), clone.status, clone.headers.get("a")], ["abc", "abc", 201, "b"]);
  }
});
test("a response of a response's body is as that body", async () => {
  const first = new Response("abc");
  equal(await new Response(first.body, { status: 202 }).text(), "abc");
  const read = new Response("abc");
  await read.body.getReader().read();
  await throws(() => new Response(read.body), TypeError);
});
test("text is well-formed and without a byte order mark", async () => {
  equal(await new Response("\ufeffa\ud800").text(), "a\ufffd");
  equal(await new Response(new Uint8Array([0xef, 0xbb, 0xbf, 97, 0xff])).text(), "a\ufffd");
});

test("a request's method", async () => {
  for (const [given, made] of [["get", "GET"], ["Post", "POST"], ["patch", "patch"], ["PATCH", "PATCH"]]) equal(new Request("http://a/", { method: given }).method, made);
  for (const method of ["TRACE", "connect", "track", "a b", ""]) await throws(() => new Request("http://a/", { method }), TypeError);
});
test("a request's URL is absolute", async () => {
  equal(new Request("HTTP://Example.com:80/a/../b#c").url, "http://example.com/b#c");
  equal(new Request(new URL("http://a/")).url, "http://a/");
  for (const url of ["/a", "http://user@a/", "http://u:p@a/"]) await throws(() => new Request(url), TypeError);
});
test("a request has no body with GET and HEAD", async () => {
  await throws(() => new Request("http://a/", { body: "x" }), TypeError);
  await throws(() => new Request("http://a/", { method: "HEAD", body: "x" }), TypeError);
  equal(await new Request("http://a/", { method: "POST", body: "x" }).text(), "x");
});
test("a request of a request takes its body, and what the init does not say", async () => {
  const first = new Request("http://a/", { method: "POST", body: "x", headers: { a: "b" }, redirect: "manual" });
  const second = new Request(first, { headers: { c: "d" } });
  equal([second.method, second.redirect, [...second.headers.keys()], await second.text()], ["POST", "manual", ["c", "content-type"].slice(0, 1), "x"]);
  equal(first.bodyUsed, true);
  await throws(() => new Request(first), TypeError);
  const copy = new Request("http://a/", { method: "POST", body: "x" });
  equal([await copy.clone().text(), await copy.text()], ["x", "x"]);
});
test("a request's signal follows the one that it was given", () => {
  const controller = new AbortController();
  const request = new Request("http://a/", { signal: controller.signal });
  let told = 0;
  request.signal.addEventListener("abort", () => told++);
  controller.abort("why");
  equal([request.signal.aborted, request.signal.reason, told], [true, "why", 1]);
  equal(new Request("http://a/").signal.aborted, false);
});

test("forms go there and back", async () => {
  const form = new FormData();
  form.append("a", "1\n2");
  form.append('b"\r\n', "é");
  form.append("file", new File(["content\r\n--"], "n\"1.txt", { type: "text/html" }));
  form.append("blob", new Blob([new Uint8Array([0, 255])]));
  const back = await new Response(form).formData();
  equal([back.get("a"), back.get('b"\r\n')], ["1\r\n2", "é"]);
  const file = back.get("file");
  equal([file.name, file.type, await file.text()], ['n"1.txt', "text/html", "content\r\n--"]);
  equal([back.get("blob").name, back.get("blob").type, [...(await back.get("blob").bytes())]], ["blob", "application/octet-stream", [0, 255]]);
  equal([...(await new Response(new URLSearchParams([["a", "1 é"], ["a", "&"]])).formData())], [["a", "1 é"], ["a", "&"]]);
});
test("a malformed form is a TypeError", async () => {
  const form = (body, type = "multipart/form-data; boundary=X") => new Response(body, { headers: { "content-type": type } }).formData();
  equal([...(await form("--X--"))], []);
  equal([...(await form('--X\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n--X--\r\n'))], [["a", ""]]);
  for (const body of ["", "--Y--", "--X", "--X\r\n", "--X\r\n\r\n--X--", "--X\r\nA: b\r\n\r\nc\r\n--X--", '--X\r\ncontent-disposition: form-data; name="a"\r\n\r\nx', "--X\r\ncontent-disposition: form-data\r\n\r\nx\r\n--X--"]) {
    await throws(() => form(body), TypeError);
  }
  await throws(() => form("a=b", "text/plain"), TypeError);
  await throws(() => form("a=b", "multipart/form-data"), TypeError);
});
test("FormData is a list", async () => {
  const form = new FormData();
  form.append("a", 1);
  form.append("b", "2");
  form.append("a", "3");
  equal([form.get("a"), form.getAll("a"), form.has("c"), form.get("c")], ["1", ["1", "3"], false, null]);
  form.set("a", "4");
  equal([...form], [["a", "4"], ["b", "2"]]);
  form.delete("a");
  equal([...form.keys()], ["b"]);
  await throws(() => form.append("a", "b", "name"), TypeError);
});
