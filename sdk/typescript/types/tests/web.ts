// The web platform, and what of it is not there.

export async function bodies(request: Request): Promise<Response> {
  const copy = request.clone();
  const json = await request.json();
  const form = await copy.formData();
  const entry = form.get("file");
  if (entry instanceof File) console.log(entry.name, entry.lastModified, await entry.slice(0, 1).text());
  form.append("blob", new Blob(["a", new Uint8Array(1)], { type: "text/plain" }), "name");
  for (const [name, value] of form) console.log(name, typeof value === "string" ? value : value.size);
  const headers = new Headers([["a", "b"]]);
  headers.append("set-cookie", "a=b");
  for (const [name, value] of new Headers({ ...Object.fromEntries(headers), list: headers.getSetCookie().join() })) console.log(name, value);
  const bytes: Uint8Array<ArrayBuffer> = await new Response("a").bytes();
  if (json.redirect) return Response.redirect(new URL("/a", request.url), 303);
  if (json.error) return Response.error();
  return new Response(bytes, { status: 201, headers });
}

export async function streams(source: ReadableStream<Uint8Array>): Promise<Response> {
  const upper = new TransformStream<string, string>({
    transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()),
    flush: (controller) => controller.terminate(),
  });
  const [left, right] = source.pipeThrough(new TextDecoderStream()).pipeThrough(upper).tee();
  const collected: string[] = [];
  await left.pipeTo(new WritableStream({ write: (chunk: string) => void collected.push(chunk) }, new CountQueuingStrategy({ highWaterMark: 2 })));
  for await (const text of right.values({ preventCancel: true })) text.length;
  const reader = ReadableStream.from(collected).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) next.value.length;
  const byob = new ReadableStream({ type: "bytes", pull: (controller) => controller.byobRequest?.respond(0) }).getReader({ mode: "byob" });
  await byob.read(new Uint8Array(8), { min: 4 });
  const numbers = new ReadableStream<number>({
    start(controller) {
      controller.enqueue(controller.desiredSize ?? 0);
      controller.close();
    },
  });
  // @ts-expect-error a body is bytes: text goes through a TextEncoderStream
  new Response(right);
  // @ts-expect-error and numbers are none
  new Response(numbers);
  return new Response(right.pipeThrough(new TextEncoderStream()));
}

export async function cryptography(secret: string, data: Uint8Array): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), algorithm, true, ["sign", "verify"]);
  const signature = await crypto.subtle.sign("HMAC", key, data);
  if (!(await crypto.subtle.verify(algorithm, key, signature, data))) throw new DOMException("no", "DataError");
  const { k }: JsonWebKey = await crypto.subtle.exportKey("jwk", key);
  const raw: ArrayBuffer = await crypto.subtle.exportKey("raw", await crypto.subtle.generateKey({ name: "HMAC", hash: { name: "SHA-1" } }, true, ["sign"]));
  await crypto.subtle.digest("SHA-512", raw);
  // @ts-expect-error there is no MD5
  await crypto.subtle.digest("MD5", data);
  // @ts-expect-error nor encryption
  crypto.subtle.encrypt;
  // @ts-expect-error keys are of HMAC, which signs
  await crypto.subtle.generateKey(algorithm, true, ["encrypt"]);
  // @ts-expect-error these are random integers
  crypto.getRandomValues(new Float64Array(1));
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(8)))) + atob(k ?? "") + crypto.randomUUID();
}

export async function others(): Promise<void> {
  const controller = new AbortController();
  controller.signal.addEventListener("abort", { handleEvent: (event) => console.log(event.type) }, { once: true });
  controller.signal.onabort = (event) => event.preventDefault();
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(100), AbortSignal.abort()]);
  const response = await fetch(new URL("?a=b", "http://example.test/"), { method: "POST", body: new URLSearchParams({ a: "b" }), signal, redirect: "manual" });
  await fetch(new Request("http://example.test/", { headers: response.headers, body: response.body, method: "PUT", duplex: "half" }));

  class Bus extends EventTarget {
    tell(what: string): boolean {
      return this.dispatchEvent(new CustomEvent("told", { detail: { what } }));
    }
  }
  new Bus().tell("a");
  new CustomEvent("told", { detail: 7 }).detail.toFixed();

  const timer: number = setTimeout((name: string) => console.log(name), 10, "a");
  clearTimeout(timer);
  clearInterval(setInterval(() => queueMicrotask(() => {}), 10));
  // @ts-expect-error text is not evaluated
  setTimeout("1 + 1");

  const copy: { a: Map<string, Date> } = structuredClone({ a: new Map([["a", new Date()]]) });
  const url = URL.parse("/a", "http://example.test");
  if (url && URL.canParse(url.href)) url.searchParams.sort();
  new globalThis.TextDecoder("latin1", { fatal: true }).decode(new Uint8Array(1), { stream: true });
  console.table(copy);
  console.time("a");
  reportError(new Error(`${navigator.userAgent} ${performance.now()} ${self === globalThis}`));
}

// @ts-expect-error there is no document
document;
// @ts-expect-error no window
window;
// @ts-expect-error no WebSocket that a component opens: it serves them
new WebSocket("ws://example.test/");
// @ts-expect-error no XMLHttpRequest
new XMLHttpRequest();
// @ts-expect-error no Node.js
Buffer.from("a");
// @ts-expect-error no compression
new CompressionStream("gzip");
// @ts-expect-error a signal comes from a controller
new AbortSignal();

addEventListener("unhandledrejection", (event) => {
  const reason: unknown = event.reason;
  event.preventDefault();
  reportError(reason);
});
export const messages = (): Promise<number> => {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(1);
  return new Promise((done) => (port2.onmessage = (event: MessageEvent<number>) => done(event.data)));
};
