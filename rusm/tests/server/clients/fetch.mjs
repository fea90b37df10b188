// Node's fetch (undici): keep-alive, concurrency, a streamed request body.
import assert from "node:assert/strict";

const base = `http://127.0.0.1:${process.argv[2]}`;
const users = Array.from({ length: 200 }, async (_, number) => {
  const response = await fetch(`${base}/users/${number}`);
  assert.equal(await response.text(), `user ${number}\n`);
});
await Promise.all(users);

const body = new ReadableStream({
  start(controller) {
    for (let i = 0; i < 10; i++) controller.enqueue(new TextEncoder().encode("part "));
    controller.close();
  },
});
const echo = await fetch(`${base}/echo`, { method: "POST", body, duplex: "half" });
assert.equal(await echo.text(), "part ".repeat(10));
assert.equal((await fetch(`${base}/boom`)).status, 500);
assert.equal((await fetch(`${base}/`, { method: "HEAD" })).headers.get("content-length"), "16");
console.log("ok");
