// The package ws.
import assert from "node:assert/strict";
import { once } from "node:events";

import { require } from "../installed.mjs";
import { SIZES, WAYS, body, cell, echo, same, text } from "./cells.mjs";

const WebSocket = require("ws");

async function open(way, kind) {
  const socket = new WebSocket(way.ws + echo(way, kind));
  await once(socket, "open");
  return socket;
}

async function says(socket, message) {
  socket.send(message);
  const [data, isBinary] = await once(socket, "message");
  assert.equal(isBinary, typeof message !== "string");
  same(data, message);
}

async function talk(socket) {
  await says(socket, "");
  await says(socket, "é".repeat(10_000));
  for (const part of ["in ", "", "frag"]) socket.send(part, { fin: false });
  socket.send("ments", { fin: true });
  const [whole] = await once(socket, "message");
  assert.equal(whole.toString(), "in fragments");
  socket.ping("are you there?");
  const [pong] = await once(socket, "pong");
  assert.equal(pong.toString(), "are you there?");
}

for (const way of WAYS) {
  for (const size of SIZES) {
    await cell(way, "first", size, async () => {
      const socket = await open(way, "first");
      await says(socket, body(size));
      socket.close();
    });
  }
  const socket = await open(way, "later");
  for (const size of SIZES) await cell(way, "later", size, () => says(socket, text(size)));
  await cell(way, "talk", 0, () => talk(socket));
  socket.close();
}
process.exit();
