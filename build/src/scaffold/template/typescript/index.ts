import type { Context } from "rusm";

// What stands here runs once, when the component is built: each request starts after it, in a
// fresh instance of its own.
const greetings = ["Hello", "Hei", "Ciao"];

/** Answers the routes of `rusm.toml` that name the component alone. */
export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname !== "/") return new Response("Not Found\n", { status: 404 });
    return new Response("Hello from RUSM\n");
  },
};

/** An action: `"GET /hello/:who" = "{{name}}#hello"`. */
export function hello(_request: Request, { params }: Context): Response {
  const greeting = greetings[Math.floor(Math.random() * greetings.length)];
  return Response.json({ greeting: `${greeting}, ${params.who}` });
}
