// A handler, and what its actions may give.
import { encodeEvent, env, fetchAction, sse, type Action, type Context, type Handler } from "rusm";

export default {
  async fetch(request, env, ctx) {
    ctx.waitUntil(Promise.resolve(env.GREETING.length));
    return Response.json({ path: new URL(request.url).pathname, address: ctx.remoteAddr });
  },
} satisfies Handler;

export function hello(_request: Request, { params }: Context): Response {
  return new Response(`hello ${params.who}\n`);
}

export const later: Action = async (request, { env, params, waitUntil }) => {
  waitUntil(request.text());
  return new Response(env.GREETING + params["*"]);
};

export const events: Action = (request) =>
  sse(
    request,
    async function* (sink) {
      yield { id: 1, event: "tick", data: { last: sink.lastEventId }, retry: 1000 };
      yield "text";
    },
    { heartbeatMs: 15_000, headers: { "x-a": "b" } },
  );

export const pushed: Action = (request) =>
  sse(request, async (sink) => {
    const there: boolean = await sink.send({ comment: encodeEvent("x") });
    if (there) await sink.comment();
  });

export const forwarded: Action = (request) => fetchAction("shop", "item", request, { timeoutMs: 100, params: { id: "7" } });

const granted: string = env.GREETING;
const maybe: string | undefined = env.HOME;
// @ts-expect-error it may not be granted
const sure: string = env.HOME;

// @ts-expect-error text is no response
export const text: Action = () => "text";

// @ts-expect-error nor is nothing
export const nothing: Action = () => {};

export const bad = {
  // @ts-expect-error nor is a number
  fetch: () => 7,
} satisfies Handler;

// @ts-expect-error an event is no number
export const numbers: Action = (request) => sse(request, function* () { yield 7; });

export const unknownContext: Action = (_request, context) => {
  // @ts-expect-error there is no such part of the context
  context.request;
  // @ts-expect-error what the route captured is read alone
  context.params.who = "me";
  return new Response(null, { status: 204 });
};

export const used = { granted, maybe, sure };
