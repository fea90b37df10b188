// Node's ws: the ends of connections, and a chat.
import assert from "node:assert/strict";
import { once } from "node:events";

import { require } from "./installed.mjs";

const WebSocket = require("ws");

const base = `ws://127.0.0.1:${process.argv[2]}`;
const MIB = 1024 * 1024;

async function connect(path, protocols) {
  const client = new WebSocket(base + path, protocols);
  await once(client, "open");
  return client;
}

async function subprotocols() {
  for (const [offered, agreed] of [[["x", "chat"], "chat"], [[], ""]]) {
    const client = await connect("/echo", offered);
    assert.equal(client.protocol, agreed);
    client.close();
  }
  // RFC 6455, section 4.1 lets a server agree on none; this client takes that for a refusal.
  const client = new WebSocket(`${base}/echo`, ["x"]);
  const [error] = await once(client, "error");
  assert.match(error.message, /no subprotocol/);
}

// The server answers a close with the same code, and closes with a code of its own.
async function ends() {
  const client = await connect("/echo");
  client.close(4001, "bye");
  assert.equal((await once(client, "close"))[0], 4001);
  const ends = [
    ["/echo", Buffer.alloc(MIB + 1), 1009],
    ["/rooms/ends", Buffer.from("binary"), 1003],
    ["/rooms/ends", "/crash", 1011],
  ];
  for (const [path, message, code] of ends) {
    const client = await connect(path);
    // A message that is too large is not read to its end.
    client.on("error", () => {});
    client.send(message);
    assert.equal((await once(client, "close"))[0], code, path);
  }
}

async function chat() {
  const members = await Promise.all(["ada", "bob"].map((name) => connect(`/rooms/ws?name=${name}`)));
  const heard = members.map((member) => {
    const said = [];
    member.on("message", (data) => said.push(JSON.parse(data)));
    return said;
  });
  const hears = async (member, text) => {
    while (!heard[member].some((said) => said.text === text)) await once(members[member], "message");
  };
  // Each is a member when it gets an answer to its own message.
  for (const member of [0, 1]) {
    members[member].send(`here is ${member}`);
    await hears(member, `here is ${member}`);
  }
  members[0].send("hello");
  await Promise.all([hears(0, "hello"), hears(1, "hello")]);
  for (const said of heard) assert.deepEqual(said.at(-1), { from: "ada", text: "hello" });
  for (const member of members) member.close();
}

await subprotocols();
await ends();
await chat();
console.log("ok");
