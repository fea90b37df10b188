import { call, callStream, CallError, kv, sse, type Context } from "rusm";

const store = kv.bucket("kept");

export async function ledger(_request: Request, { params }: Context): Promise<Response> {
  try {
    return Response.json(await call("ledger", "addEntry", Number(params.entry)));
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return new Response(`${error.kind}: ${error.message}\n`, { status: 409 });
  }
}

export async function count(_request: Request, { params }: Context): Promise<Response> {
  const counted: unknown[] = [];
  for await (const number of callStream("ledger", "countDown", Number(params.from))) counted.push(number);
  return Response.json(counted);
}

export function ticks(_request: Request, { params }: Context): Response {
  const text = new TextEncoder();
  let tick = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (tick === Number(params.n)) return controller.close();
      await new Promise((resolve) => setTimeout(resolve, 5));
      controller.enqueue(text.encode(`tick ${tick++}\n`));
    },
  });
  return new Response(body, { headers: { "content-type": "text/plain" } });
}

export async function measure(request: Request): Promise<Response> {
  let bytes = 0;
  for await (const chunk of request.body!) bytes += chunk.length;
  return new Response(`${bytes} bytes`);
}

export function events(request: Request): Response {
  return sse(request, function* () {
    yield "one";
    yield { data: "two", id: 2 };
    yield { data: "three", event: "last" };
  });
}

export function half(): Response {
  let sent = false;
  const body = new ReadableStream({
    pull(controller) {
      if (sent) throw new Error("the other half is missing");
      sent = true;
      controller.enqueue(new TextEncoder().encode("half"));
    },
  });
  return new Response(body);
}

export function spin(): Response {
  for (;;);
}

export function heap(): Response {
  const kept: number[][] = [];
  for (;;) kept.push(new Array(10_000).fill(kept.length));
}

export function recurse(): Response {
  return recurse();
}

export function never(): Promise<Response> {
  return new Promise(() => {});
}

export function nothing(): Response {
  return undefined as unknown as Response;
}

export async function ask(_request: Request, { params }: Context): Promise<Response> {
  try {
    const response = await fetch(`http://${params.host}/path`, { method: "POST", body: "b", headers: { "x-from": "typescript" } });
    return new Response(`${response.status} ${response.headers.get("x-peer")} ${await response.text()}\n`);
  } catch (error) {
    return new Response(`${error} ${error instanceof Error ? error.cause : ""}`, { status: 502 });
  }
}

export async function kept(_request: Request, { params }: Context): Promise<Response> {
  return new Response(`${(await store.getText(params.key!)) ?? null}\n`);
}

export async function keep(request: Request, { params }: Context): Promise<Response> {
  await store.set(params.key!, await request.text());
  return new Response(null, { status: 204 });
}
