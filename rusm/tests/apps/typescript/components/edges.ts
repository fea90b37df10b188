import { sse, type Context } from "rusm";

// What stands in the snapshot, and requests change.
const kept: Record<string, unknown> & { list: unknown[] } = { list: [1, 2], map: new Map([["a", 1]]), bytes: new Uint8Array(3) };
class Shape {
  sides = 3;
}
const shape = new Shape();

declare global {
  var foo: number | undefined;
}

/** Each object had not been changed, and takes what is new. */
export function builtins(): Response {
  const before = [globalThis.foo, "extra" in Math, "extra" in kept, kept.list.length];
  globalThis.foo = 1;
  const targets: object[] = [globalThis, Math, JSON, Promise, Reflect, console, URL, Map, kept, kept.list, shape, Shape, builtins];
  for (const target of [...targets, ...[Object, Array, Function, String, Promise, Map, Error, Uint8Array, Headers].map((type) => type.prototype as object)]) {
    for (let n = 0; n < 50; n++) (target as Record<string, number>)[`extra${n}`] = n;
    Object.defineProperty(target, "extra", { get: () => "new", configurable: true });
    if ((target as { extra?: unknown }).extra !== "new") throw new Error("it did not take");
    for (let n = 0; n < 50; n += 2) delete (target as Record<string, number>)[`extra${n}`];
  }
  kept.list.push(3);
  Object.setPrototypeOf(shape, { corners: 5, ...kept });
  Object.freeze(kept);
  return Response.json({ before, corners: (shape as Shape & { corners?: number }).corners, foo: globalThis.foo });
}

type Recursive = () => unknown;
const recursions: Record<string, Recursive> = {
  call: () => recursions.call!(),
  callback: () => [1].map(() => recursions.callback!()),
  getter: () => {
    const object = { get self(): unknown { return this.self; } };
    return object.self;
  },
  async: async () => await recursions.async!(),
  spread: () => ((...all: unknown[]) => [...all, ...(recursions.spread!() as unknown[])])(1, 2),
  proxy: () => {
    let proxy: Record<string, unknown> = { x: 1 };
    for (let n = 0; n < 20_000; n++) proxy = new Proxy(proxy, {});
    return proxy.x;
  },
  construct: () => new (class { again = recursions.construct!(); })(),
  text: () => `${{ toString: () => recursions.text!() as string }}`,
  stringify: () => {
    let nested: unknown = 1;
    for (let n = 0; n < 50_000; n++) nested = { nested };
    return JSON.stringify(nested);
  },
};

/** What each kind of recursion throws. */
export async function recursion(): Promise<Response> {
  const thrown: Record<string, string> = {};
  for (const [name, recur] of Object.entries(recursions)) {
    try {
      await recur();
      thrown[name] = "nothing";
    } catch (error) {
      thrown[name] = (error as Error).name;
    }
  }
  return Response.json(thrown);
}

/** How deep the JSON is that a client has sent. */
export async function nested(request: Request): Promise<Response> {
  try {
    let depth = 0;
    for (let inner = await request.json(); Array.isArray(inner); inner = inner[0]) depth++;
    return new Response(`${depth}`);
  } catch (error) {
    return new Response((error as Error).name, { status: 400 });
  }
}

/** To HEAD: a length, content, a stream, or nothing. */
export function head(request: Request, { params }: Context): Response {
  if (request.method !== "HEAD") return new Response("twelve bytes");
  if (params.how === "length") return new Response(null, { headers: { "content-length": "12", "x-how": "length" } });
  if (params.how === "content") return new Response("twelve bytes");
  if (params.how === "stream") return new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
  return new Response(null);
}

export function url(request: Request): Response {
  return new Response(new URL(request.url).href);
}

/** Loops that send at the same time, and the id that the client saw last. */
export function loops(request: Request): Response {
  return sse(request, async (events) => {
    const loop = async (name: string): Promise<void> => {
      for (let n = 0; n < 4; n++) await events.send(`${name}${n}`);
    };
    await Promise.all(["a", "b", "c"].map(loop));
    await events.send(`after ${events.lastEventId}`);
  });
}
