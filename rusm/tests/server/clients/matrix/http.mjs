// Node's http.request, on which axios and got stand.
import assert from "node:assert/strict";
import http from "node:http";

import { SIZES, TOO_LARGE, WAYS, body, cell, echo, same } from "./cells.mjs";

function post(way, kind, size, agent) {
  return new Promise((resolve, reject) => {
    const request = http.request(way.http + echo(way, kind), { method: "POST", agent }, async (response) => {
      try {
        resolve([response.statusCode, Buffer.concat(await response.toArray())]);
      } catch (error) {
        reject(error);
      }
    });
    request.on("error", reject);
    request.end(body(size));
  });
}

async function echoes(way, kind, size, agent) {
  const [status, came] = await post(way, kind, size, agent);
  assert.equal(status, 200);
  same(came, body(size));
}

for (const way of WAYS) {
  for (const size of SIZES) await cell(way, "fresh", size, () => echoes(way, "fresh", size, false));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (const size of SIZES) await cell(way, "kept", size, () => echoes(way, "kept", size, agent));
  await cell(way, "refused", TOO_LARGE, async () => {
    const [status] = await post(way, "refused", TOO_LARGE, false);
    assert.equal(status, 413);
  });
}
process.exit();
