// undici: request, WebSocket and EventSource.
import assert from "node:assert/strict";
import { once } from "node:events";

import { require } from "../installed.mjs";
import { EVENT, FEED, SIZES, TOO_LARGE, WAYS, body, cell, echo, same, text } from "./cells.mjs";

const { Agent, Client, EventSource, WebSocket, request } = require("undici");

async function echoes(way, kind, size, dispatcher) {
  const response = await request(way.http + echo(way, kind), { method: "POST", body: body(size), dispatcher });
  assert.equal(response.statusCode, 200);
  same(await response.body.arrayBuffer(), body(size));
}

async function open(way, kind) {
  const socket = new WebSocket(way.ws + echo(way, kind));
  socket.binaryType = "arraybuffer";
  await once(socket, "open");
  return socket;
}

async function says(socket, message) {
  socket.send(message);
  const [{ data }] = await once(socket, "message");
  assert.equal(typeof data, typeof message);
  same(data, message);
}

for (const way of WAYS) {
  for (const size of SIZES) {
    await cell(way, "fresh", size, () => echoes(way, "fresh", size, new Agent()));
  }
  const kept = new Client(way.http);
  for (const size of SIZES) await cell(way, "kept", size, () => echoes(way, "kept", size, kept));
  for (const size of SIZES) {
    await cell(way, "first", size, async () => {
      const socket = await open(way, "first");
      // Not a Buffer: its class is the same and yet no object in the eyes of `typeof data`.
      await says(socket, new Uint8Array(body(size)).buffer);
      socket.close();
    });
  }
  const socket = await open(way, "later");
  for (const size of SIZES) await cell(way, "later", size, () => says(socket, text(size)));
  socket.close();
  await cell(way, "events", 0, async () => {
    const source = new EventSource(way.http + FEED);
    const [{ data }] = await once(source, "message");
    assert.match(data, new RegExp(EVENT));
    source.close();
  });
  await cell(way, "refused", TOO_LARGE, async () => {
    const sent = { method: "POST", body: body(TOO_LARGE), dispatcher: new Agent() };
    const response = await request(way.http + echo(way, "refused"), sent);
    assert.equal(response.statusCode, 413);
  });
}
process.exit();
