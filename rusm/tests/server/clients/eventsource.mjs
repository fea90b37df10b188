// The EventSource of undici: events with ids, the end of a stream, and a network that fails.
import assert from "node:assert/strict";
import { once } from "node:events";

import { require } from "./installed.mjs";
import { Relay } from "./relay.mjs";

const { EventSource } = require("undici");
const WebSocket = require("ws");

const port = process.argv[2];

function listen(port, path) {
  const source = new EventSource(`http://127.0.0.1:${port}${path}`, { node: { reconnectionTime: 100 } });
  source.heard = [];
  source.onmessage = ({ data, lastEventId }) => source.heard.push({ data, lastEventId });
  return source;
}

/** Until a source has nothing left to come again for. */
async function closed(source) {
  while (source.readyState !== EventSource.CLOSED) await once(source, "error");
}

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

const ticks = (n) => Array.from({ length: n }, (_, i) => ({ data: `${i + 1}`, lastEventId: `${i + 1}` }));

// After the end of the stream it comes again, with `Last-Event-ID: 3`, and hears that this was all.
async function theEnd() {
  const source = listen(port, "/ticks/3");
  await closed(source);
  assert.deepEqual(source.heard, ticks(3));
}

async function ticksGoOn() {
  const relay = await Relay.to(port, 50_000);
  const source = listen(relay.port, "/ticks/5000");
  await closed(source);
  assert.ok(relay.cutShort >= 2, `${relay.cutShort} were cut`);
  assert.deepEqual(source.heard, ticks(5000));
  relay.close();
}

/** What is said while the network is down is heard later; `meanwhile` something else happens. */
async function feedGoesOn(room, meanwhile) {
  const member = new WebSocket(`ws://127.0.0.1:${port}/rooms/${room}?name=ada`);
  await once(member, "open");
  const relay = await Relay.to(port);
  const source = listen(relay.port, `/feed/${room}`);
  const texts = () => source.heard.map(({ data }) => JSON.parse(data).text);
  member.send("1");
  await until(() => texts().length === 1);
  relay.isUp = false;
  relay.cut();
  await once(source, "error");
  await meanwhile(room);
  for (const text of ["2", "3"]) {
    member.send(text);
    await once(member, "message");
  }
  relay.isUp = true;
  await until(() => texts().length >= 3);
  member.send("4");
  await until(() => texts().includes("4"));
  assert.deepEqual(texts(), ["1", "2", "3", "4"]);
  source.close();
  member.close();
  relay.close();
}

/** The service that numbers the events, and remembers them, is another one from then on. */
async function crash(room) {
  const base = `http://127.0.0.1:${port}`;
  await fetch(`${base}/crash`, { method: "POST" });
  // Until the member is known to it.
  while ((await (await fetch(`${base}/members/${room}`)).text()) !== '["ada"]');
}

const timer = setTimeout(() => { throw new Error("it takes too long"); }, 30_000);
await theEnd();
await ticksGoOn();
await feedGoesOn("calm", () => {});
await feedGoesOn("crashed", crash);
clearTimeout(timer);
console.log("ok");
