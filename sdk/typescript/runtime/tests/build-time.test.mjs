// What top-level code may not do: this file is evaluated as the author's is, before the first entry.

const refused = [];
for (const [what, run] of Object.entries({
  "the clock": () => Date.now(),
  "the clock of a date": () => new Date(),
  "the clock of a text": () => Date(),
  "a timer": () => setTimeout(() => {}, 1),
  "a random value": () => crypto.getRandomValues(new Uint8Array(1)),
  "a random UUID": () => crypto.randomUUID(),
})) {
  try {
    run();
    refused.push(`${what} was not refused`);
  } catch (error) {
    if (!/at build time/.test(error.message)) refused.push(`${what}: ${error}`);
  }
}
const given = new Date(0);
class Later extends Date {}
const later = new Later(5);

test("top-level code has no clock, no timer, no randomness", () => equal(refused, []));
test("dates of a given time can be made there", () => {
  ok(given instanceof Date && given.getTime() === 0 && given.constructor === Date);
  ok(later instanceof Later && later instanceof Date && later.getTime() === 5);
  ok(Math.abs(new Date() - Date.now()) < 1000);
});
test("what the host gave can't be reached", () => equal([typeof __host, Symbol.for("rusm") in globalThis], ["undefined", true]));
test("timers are in order, and may be cleared", async () => {
  const order = [];
  setTimeout(() => order.push("c"), 6);
  setTimeout(() => order.push("a"), 1);
  setTimeout((x) => order.push(x), 1, "b");
  const no = setTimeout(() => order.push("no"), 2);
  clearTimeout(no);
  let beats = 0;
  const interval = setInterval(() => { if (++beats === 3) clearInterval(interval); }, 1);
  await new Promise((done) => setTimeout(done, 15));
  equal([order, beats], [["a", "b", "c"], 3]);
});
