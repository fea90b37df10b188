import { word } from "@shared/words";
import { call, whereis, type Context } from "rusm";

interface Counted {
  seen: number;
}

// Runs at build time, and is the same for each request.
const counted: Counted = { seen: 0 };

export default async function main(request: Request): Promise<Response> {
  counted.seen += 1;
  const { pathname, searchParams } = new URL(request.url);
  if (request.method === "POST") return new Response((await request.text()).toUpperCase());
  return Response.json({ pathname, q: searchParams.get("q"), seen: counted.seen, word });
}

export function listAll(): Response {
  return new Response("all\n");
}

export const list_one = (_request: Request, { params }: Context): Response => new Response(`one: ${params.who}\n`);

export function random(): Response {
  return Response.json([Math.random(), crypto.randomUUID()]);
}

export function environment(_request: Request, { env }: Context): Response {
  return Response.json(env);
}

export async function ask(_request: Request, { params }: Context): Promise<Response> {
  const tally = whereis("tally");
  if (tally === undefined) return new Response("no tally\n", { status: 503 });
  return Response.json(await call(tally, params.function as string, 2));
}

export async function extend(): Promise<Response> {
  const tally = whereis("tally")!;
  for (let n = 0; n < 500; n++) await call(tally, "extend");
  return Response.json(await call(tally, "extend"));
}

export function boom(): Response {
  return deeper(3);
}

export async function reject(): Promise<Response> {
  await Promise.resolve();
  throw new RangeError("out of it");
}

function deeper(depth: number): Response {
  if (depth === 0) throw new TypeError("boom was called");
  return deeper(depth - 1);
}
