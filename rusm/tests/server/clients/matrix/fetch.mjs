// Node's own fetch.
import assert from "node:assert/strict";

import { EVENT, FEED, SIZES, TOO_LARGE, WAYS, body, cell, echo, same } from "./cells.mjs";

async function echoes(way, kind, size) {
  const response = await fetch(way.http + echo(way, kind), { method: "POST", body: body(size) });
  assert.equal(response.status, 200);
  same(await response.arrayBuffer(), body(size));
}

async function talk(way) {
  const users = Array.from({ length: 200 }, async (_, number) => {
    const response = await fetch(`${way.http}/users/${number}`);
    assert.equal(await response.text(), `user ${number}\n`);
  });
  await Promise.all(users);
  const parts = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 10; i++) controller.enqueue(new TextEncoder().encode("part "));
      controller.close();
    },
  });
  const streamed = await fetch(`${way.http}/echo`, { method: "POST", body: parts, duplex: "half" });
  assert.equal(await streamed.text(), "part ".repeat(10));
  assert.equal((await fetch(`${way.http}/boom`)).status, 500);
  assert.equal((await fetch(`${way.http}/`, { method: "HEAD" })).headers.get("content-length"), "16");
}

async function events(way) {
  const response = await fetch(way.http + FEED);
  let text = "";
  for await (const chunk of response.body) {
    text += Buffer.from(chunk);
    if (text.includes(EVENT)) return;
  }
  throw new Error("the feed has ended");
}

for (const way of WAYS) {
  // Its pool is empty, so each opens a connection. All of them are kept.
  await Promise.all(SIZES.map((size) => cell(way, "fresh", size, () => echoes(way, "fresh", size))));
  for (const size of SIZES) await cell(way, "kept", size, () => echoes(way, "kept", size));
  await cell(way, "talk", 0, () => talk(way));
  await cell(way, "events", 0, () => events(way));
  await cell(way, "refused", TOO_LARGE, async () => {
    const response = await fetch(way.http + echo(way, "refused"), { method: "POST", body: body(TOO_LARGE) });
    assert.equal(response.status, 413);
  });
}
process.exit();
