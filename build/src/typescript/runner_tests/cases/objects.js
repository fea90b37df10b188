// Objects of all kinds that are in the snapshot, and requests that change them in every way.
const made = {
  object: { a: 1, b: 2 }, twin: { a: 1, b: 2 }, alone: Object.assign(Object.create({ up: 1 }), { z: 1 }),
  array: [1, 2, 3], sparse: [1, , 3], nested: { a: [{ b: { c: [1] } }] },
  map: new Map([["a", { n: 1 }]]), set: new Set(["a"]), weak: new WeakMap(), weakSet: new WeakSet(), date: new Date(0), regexp: /a(b)?/g,
  bytes: new Uint8Array([1, 2, 3]), buffer: new ArrayBuffer(8), resizable: new ArrayBuffer(8, { maxByteLength: 64 }), view: new DataView(new ArrayBuffer(8)),
  error: new Error("made"), symbol: Symbol("s"), text: "made ".repeat(40), wide: "é\u{1F600}".repeat(40), bigint: 123456789012345678901234567890n,
  frozen: Object.freeze({ a: 1 }), accessor: { get x() { return this._x ?? 1; }, set x(v) { this._x = v; } }, big: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, i])),
  proxy: new Proxy({ a: 1 }, {}), bound: ((a, b) => a + b).bind(null, 1), promise: Promise.resolve(1), nul: Object.create(null),
};
made.weak.set(made.object, { w: 1 });
made.weakSet.add(made.object);
class Base { static count = 0; #hidden = 1; field = 1; get hidden() { return this.#hidden; } set hidden(v) { this.#hidden = v; } method() { return 1; } }
class Derived extends Base { method() { return super.method() + 1; } }
const instance = new Derived();
function plain(a) { return a + 1; }
let counter = 0, rope = "r".repeat(3000), joined = "";
for (let i = 0; i < 100; i++) rope += "s".repeat(i);
const closures = Array.from({ length: 5 }, (_, i) => { let own = i; return { get: () => own, add: (n) => (own += n), keep: (v) => (own = v) }; });
function* count() { let n = 0; try { for (;;) { const step = yield n; n += step ?? 1; } } finally { joined += "f"; } }
const generator = count(); generator.next();
let release; const gate = new Promise((done) => { release = done; });
let awaited = "not yet";
const waiting = (async () => { let local = { l: 1 }; const peek = () => local; const got = await gate; local = { l: got }; awaited = JSON.stringify(peek()); return peek(); })();
async function* lazily() { let n = 0; for (;;) { const see = () => n; yield see; n++; } }
const lazy = lazily();

const BUILTINS = ["globalThis", "Math", "JSON", "Promise", "Object", "Array", "Function", "String", "Number", "Boolean", "Symbol", "BigInt", "Date", "RegExp", "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "Error", "TypeError",
  "ArrayBuffer", "Uint8Array", "Float64Array", "DataView", "Reflect", "Proxy", "Atomics", "Iterator", "URL", "Headers", "Request", "Response", "Event", "EventTarget", "AbortController", "TextEncoder", "Blob", "FormData", "console", "crypto", "performance", "ReadableStream"].filter((n) => n in globalThis);
function targets() {
  const all = BUILTINS.flatMap((name) => { const it = globalThis[name]; return typeof it === "function" && it.prototype ? [[name, it], [`${name}.prototype`, it.prototype]] : [[name, it]]; });
  for (const [name, it] of Object.entries(made)) if (typeof it === "object" || typeof it === "function") all.push([name, it]);
  all.push(["Base", Base], ["Base.prototype", Base.prototype], ["Derived", Derived], ["Derived.prototype", Derived.prototype], ["instance", instance], ["plain", plain], ["generator", generator], ["waiting", waiting], ["closure", closures[0].get],
    ["asyncProto", Object.getPrototypeOf(async () => {})], ["generatorProto", Object.getPrototypeOf(count)], ["iteratorProto", Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))], ["typedProto", Object.getPrototypeOf(Uint8Array)]);
  return all;
}
const check = (ok, what) => { if (!ok) throw new Error(`wrong: ${what}`); };
const done = () => "ok";
const changes = {};
function each(act) { let n = 0; for (const [name, it] of targets()) { try { act(it, name); } catch (error) { throw new Error(`${name}: ${error.stack}`); } n++; } return done(n); }
const open = (it) => Object.isExtensible(it);

changes.one = () => { globalThis.foo = 1; check(globalThis.foo === 1, "foo"); return done(1); };
changes.addOne = () => each((it, name) => { if (!open(it)) return; it.addedHere = name; check(it.addedHere === name, "added"); });
changes.addMany = () => each((it) => { if (!open(it)) return; for (let i = 0; i < 100; i++) it[`p${i}`] = i; for (let i = 0; i < 100; i++) check(it[`p${i}`] === i, i); for (let i = 0; i < 100; i++) check(delete it[`p${i}`], i); for (let i = 0; i < 100; i++) check(it[`p${i}`] === undefined, i); });
changes.addSymbols = () => each((it) => { if (!open(it)) return; const s = Symbol("t"); it[s] = 1; check(it[s] === 1 && delete it[s] && !(s in it), "symbol"); });
changes.addIndex = () => each((it, name) => { if (!open(it) || ArrayBuffer.isView(it)) return; it[7] = "i"; check(it[7] === "i", "index"); delete it[7]; });
changes.define = () => each((it) => { if (!open(it)) return; let v = 0; Object.defineProperty(it, "acc", { get: () => v, set: (n) => { v = n; }, configurable: true }); it.acc = 5; check(it.acc === 5, "acc"); Object.defineProperty(it, "acc", { value: 9, writable: false }); check(it.acc === 9, "value"); check(delete it.acc, "delete"); });
changes.redefine = () => each((it) => { if (it === globalThis || ArrayBuffer.isView(it)) return; for (const key of Reflect.ownKeys(it)) { const d = Object.getOwnPropertyDescriptor(it, key); if (!d.configurable) continue; Object.defineProperty(it, key, { ...d, enumerable: !d.enumerable }); check(Object.getOwnPropertyDescriptor(it, key).enumerable === !d.enumerable, String(key)); Object.defineProperty(it, key, d); } });
changes.replace = () => { const { defineProperty, hasOwn, getOwnPropertyDescriptor } = Object; const { ownKeys } = Reflect; return each((it) => { if (it === globalThis || ArrayBuffer.isView(it)) return; for (const key of ownKeys(it)) { const d = getOwnPropertyDescriptor(it, key); if (!d.configurable || !("value" in d)) continue; delete it[key]; check(!hasOwn(it, key), key); defineProperty(it, key, d); check(hasOwn(it, key), "back"); } }); };
changes.touchAll = () => each((it) => { for (const key of Reflect.ownKeys(it)) Object.getOwnPropertyDescriptor(it, key); });
changes.proto = () => each((it, name) => { if (!open(it) || name === "globalThis" || name === "Object.prototype") return; const before = Object.getPrototypeOf(it); const between = Object.create(before); Object.setPrototypeOf(it, between); between.viaProto = 1; check(it.viaProto === 1, "via"); Object.setPrototypeOf(it, before); check(Object.getPrototypeOf(it) === before, "back"); });
changes.protoNull = () => each((it, name) => { if (!open(it) || BUILTINS.some((b) => name.startsWith(b)) || name.endsWith("Proto")) return; const before = Object.getPrototypeOf(it); Object.setPrototypeOf(it, null); Object.setPrototypeOf(it, before); });
changes.seal = () => each((it, name) => { if (name === "globalThis") return; Object.preventExtensions(it); check(!Object.isExtensible(it), "open"); try { Object.seal(it); } catch (e) { if (!ArrayBuffer.isView(it)) throw e; } });
changes.freeze = () => { let n = 0; for (const [, it] of targets().reverse()) { if (ArrayBuffer.isView(it) && !(it instanceof DataView)) continue; Object.freeze(it); check(Object.isFrozen(it), "frozen"); n++; } return done(n); };
changes.deleteAllGlobals = () => { const keep = { Reflect }; for (const key of Reflect.ownKeys(globalThis)) { try { keep.Reflect.deleteProperty(globalThis, key); } catch {} } return "ok"; };
changes.globals = () => { (0, eval)("var viaVar = 1; function viaFunction() { return 2; }"); globalThis.viaGlobal = 3; check(viaVar === 1 && viaFunction() === 2 && viaGlobal === 3, "globals"); for (let i = 0; i < 500; i++) globalThis[`g${i}`] = i; for (let i = 0; i < 500; i++) { check(globalThis[`g${i}`] === i, i); delete globalThis[`g${i}`]; } return done(1); };
changes.patchBuiltins = () => {
  const push = Array.prototype.push; let pushed = 0; Array.prototype.push = function (...a) { pushed++; return push.apply(this, a); }; const list = []; list.push(1); check(pushed === 1 && list[0] === 1, "push");
  Promise.prototype.finally = function () { return "mine"; }; check(Promise.resolve().finally() === "mine", "finally"); Math.max = () => 7; check(Math.max(1) === 7, "max"); JSON.extra = { deep: [1] }; check(JSON.stringify(JSON.extra) === '{"deep":[1]}', "json");
  Object.prototype.shared = 1; check(({}).shared === 1 && [].shared === 1 && made.object.shared === 1, "shared"); delete Object.prototype.shared; check(made.object.shared === undefined, "gone"); Function.prototype.mine = function () { return this.name; }; check(plain.mine() === "plain", "mine");
  String.prototype.shout = function () { return this.toUpperCase(); }; check("a".shout() === "A", "shout"); Array.prototype[5] = "hole"; check([][5] === "hole" && made.sparse[5] === "hole", "hole"); delete Array.prototype[5];
  Object.defineProperty(Number.prototype, "double", { get() { return this * 2; } }); check((2).double === 4, "double"); return done(1); };
changes.arrays = () => {
  const { array, sparse, nested } = made; for (let i = 0; i < 5000; i++) array.push(i); check(array.length === 5003, "push"); array.unshift(0); array.sort((a, b) => b - a); array.reverse(); array.splice(1, 100); array.length = 3; check(array.join() === [0, array[1], array[2]].join(), "join");
  sparse[1] = 2; sparse[100] = 1; delete sparse[0]; sparse.foo = 1; check(sparse.length === 101 && !(0 in sparse), "sparse"); nested.a[0].b.c.push({ n: 1 }); nested.a.push(nested); check(nested.a[1].a[0].b.c[1].n === 1, "nested"); array.named = 1; Object.defineProperty(array, 0, { get: () => 9 }); check(array[0] === 9, "accessor"); Object.defineProperty(array, "length", { writable: false }); return done(1); };
changes.collections = () => {
  const { map, set, weak, weakSet, object } = made; for (let i = 0; i < 2000; i++) { map.set(`k${i}`, { i }); set.add(i); } for (const [k] of map) if (k !== "a") map.delete(k); check(map.size === 1 && set.size === 2001, "sizes"); map.forEach((v, k) => { map.delete(k); map.set("b", v); if (map.size > 5) throw 1; if (k === "b") map.clear(); });
  check(weak.get(object).w === 1 && weakSet.has(object), "weak"); for (let i = 0; i < 1000; i++) weak.set({}, { i }); weak.delete(object); weakSet.delete(object); check(!weak.has(object), "deleted"); const ref = new WeakRef(object); check(ref.deref() === object, "ref"); new FinalizationRegistry(() => {}).register(object, 1); return done(1); };
changes.binary = () => {
  const { bytes, buffer, resizable, view } = made; bytes[0] = 9; bytes.extra = 1; check(bytes[0] === 9 && bytes.extra === 1, "bytes"); resizable.resize(64); check(resizable.byteLength === 64, "resize"); view.setInt32(0, 7); const moved = buffer.transfer(32); check(buffer.detached && moved.byteLength === 32, "transfer"); const again = structuredClone(bytes.buffer, { transfer: [bytes.buffer] }); check(again.byteLength === 3 && bytes.length === 0, "detached"); return done(1); };
changes.texts = () => {
  let { text, wide } = made; const before = text; for (let i = 0; i < 1000; i++) { text += "x"; wide += "é"; rope += "q"; joined += "j"; } check(text.length === 1200 && before.length === 200 && made.text === before, "text"); check(wide.endsWith("é") && rope.endsWith("qq") && joined.length === 1000, "wide"); check(rope.indexOf("r") === 0 && rope.slice(-1) === "q", "rope");
  const o = {}; o[text] = 1; o[made.text] = 2; o[rope] = 3; check(o[before] === 2 && Object.keys(o).length === 3, "keys"); made.text += "!"; check(made.text === `${before}!`, "field"); for (let i = 0; i < 20000; i++) Symbol.for(`s${i}`); check(Symbol.keyFor(Symbol.for("s1")) === "s1", "for"); const t = made.text.slice(3, 180); let u = t; u += "z"; check(u.length === 178, "slice"); return done(1); };
changes.numbers = () => { made.bigint += 1n; made.bigint *= made.bigint; check(made.bigint % 10n === 1n, "big"); counter++; counter += 0.5; check(counter === 1.5, "counter"); made.date.setFullYear(2030); made.date.own = 1; check(made.date.getFullYear() === 2030, "date"); made.regexp.lastIndex = 3; made.regexp.own = 1; check("xxabxx".replace(made.regexp, "-") === "xx-xx", "regexp"); made.regexp.compile("c"); check(made.regexp.test("c"), "compile"); return done(1); };
changes.functions = () => {
  plain.own = { a: 1 }; plain.prototype.m = () => 1; check(new plain(1).m() === 1, "proto"); plain.prototype = { n: 2 }; check(new plain(1).n === 2, "replaced"); Object.defineProperty(plain, "name", { value: "renamed" }); check(plain.name === "renamed", "name"); check(made.bound(2) === 3, "bound"); made.bound.x = 1;
  Base.count++; Base.extra = () => 5; Base.prototype.late = function () { return this.field; }; instance.more = 1; instance.hidden = 4; delete instance.field; check(Base.count === 1 && instance.late() === undefined && instance.hidden === 4 && instance.method() === 2, "class"); Derived.prototype.method = () => 9; check(instance.method() === 9, "method"); Object.setPrototypeOf(instance, Base.prototype); check(instance.method() === 1, "base"); const C = class extends Derived { #p = 1; static { Derived.sub = this; } get p() { return this.#p; } }; check(new C().p === 1 && Derived.sub === C, "sub"); return done(1); };
changes.closureVariables = () => { for (const c of closures) { c.add(10); c.keep({ own: c.get() }); c.keep([c.get()]); } check(JSON.stringify(closures.map((c) => c.get())) === '[[{"own":10}],[{"own":11}],[{"own":12}],[{"own":13}],[{"own":14}]]', "own"); return done(1); };
changes.coroutines = async () => {
  check(generator.next(5).value === 5 && generator.next().value === 6, "generator"); check(generator.return(3).value === 3 && joined === "f", "return"); release(42); const got = await waiting; check(got.l === 42 && awaited === '{"l":42}', "async"); const first = (await lazy.next()).value; const second = (await lazy.next()).value; check(first() === 1 && second() === 1, "lazy"); await lazy.return(); check((await made.promise.then((n) => n + 1)) === 2, "promise"); made.promise.own = 1; return done(1); };
changes.collected = async () => {
  // Cycles through what is in the snapshot, until cycles are looked for (16 MiB), many times.
  for (let round = 0; round < 6; round++) { for (let i = 0; i < 60000; i++) { const a = { i, made }; a.self = a; a.f = () => a; made.object.last = a; made.map.set("last", a); instance.last = [a]; globalThis.last = a; closures[i % 5].keep(a); const m = new Map([[a, a]]); a.m = m; } await null; }
  check(made.object.last.i === 59999 && made.weak.get(made.object).w === 1 && globalThis.last.m.size === 1, "kept"); delete made.object.last; delete globalThis.last; made.map.delete("last"); return done(1); };
changes.many = () => { // as a service would: each of it again and again
  for (let i = 0; i < 30; i++) { changes.addMany(); changes.define(); changes.proto(); } return done(1); };
changes.classNames = () => { Error.stackTraceLimit = 5; class E extends Error { constructor(m) { super(m); this.extra = 1; this.name = "E"; } } const e = new E("x"); check(e.extra === 1 && e instanceof Error && String(e) === "E: x", "error"); made.error.more = 1; made.error.message = "other"; check(made.error.message === "other", "message"); Error.prototype.toJSON = function () { return this.message; }; check(JSON.stringify(made.error) === '"other"', "toJSON"); return done(1); };
changes.effectLike = () => { // as `effect` does: globals by a versioned key, prototypes that are extended, Function.prototype with symbols
  const key = "effect/GlobalValue/globalStoreId/3.1"; const store = (globalThis[key] ??= new Map()); const value = (id, make) => { if (!store.has(id)) store.set(id, make()); return store.get(id); }; const TypeId = Symbol.for("effect/Effect"); const proto = { [TypeId]: { _R: (_) => _ }, pipe() { return this; }, [Symbol.iterator]() { return [][Symbol.iterator](); } };
  Object.assign(Object.prototype.constructor, {}); const E = (tag) => Object.assign(Object.create(proto), { _tag: tag }); check(E("a").pipe()[TypeId]._R(1) === 1 && value("x", () => ({ n: 1 })) === value("x", () => 2), "effect"); Object.defineProperty(Error.prototype, TypeId, { value: proto }); Object.defineProperty(Function.prototype, "pipe", { value() { return this; }, configurable: true, writable: true }); check(plain.pipe() === plain, "pipe"); return done(1); };
