// The page, and the todos as JSON and as Server-Sent Events. A fresh instance answers each request;
// the todos are in the service `board`.
import { client, join, receive, sse } from "rusm";
import type service from "../board";
import { answering, badRequest, notFound } from "./failure";
import page from "./page";

const board = client<typeof service>("board");

/** What a client says of a todo. */
interface Fields {
  title: string | null;
  done: boolean | null;
}

/** `GET /` */
export function index(): Response {
  return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
}

/** `GET /api/todos` */
export const list = answering(async () => Response.json(await board.list()));

/** `POST /api/todos`: the todo, with its id. */
export const create = answering(async (request) => {
  const { title } = await fields(request);
  if (title === null) throw badRequest("a todo has a title");
  const todo = await board.create(title);
  return Response.json(todo, { status: 201, headers: { location: `/api/todos/${todo.id}` } });
});

/** `PATCH /api/todos/:id`: the todo as it is now. */
export const update = answering(async (request, { params }) => {
  const { title, done } = await fields(request);
  const todo = await board.update(id(params), title, done);
  if (todo === null) throw notFound();
  return Response.json(todo);
});

/** `DELETE /api/todos/:id` */
export const remove = answering(async (_request, { params }) => {
  if (!(await board.remove(id(params)))) throw notFound();
  return new Response(null, { status: 204 });
});

/** `GET /api/events`: the list, and again after each change, until the client leaves. */
export function events(request: Request): Response {
  // The answer begins. An error ends it from here on, and a browser comes again; at a status such as
  // 503 it would give up.
  return sse(request, async function* () {
    yield { retry: 1000 };
    // Before the list is shown, so that no change falls in between.
    join("board");
    await board.show();
    for (;;) {
      const mail = await receive();
      if (mail.type === "message") yield mail.text();
    }
  }, { heartbeatMs: HEARTBEAT_MS });
}

function id({ id = "" }: Record<string, string>): number {
  if (!/^\d+$/.test(id)) throw badRequest("the path has no valid `id`");
  return Number(id);
}

async function fields(request: Request): Promise<Fields> {
  const body: unknown = await request.json().catch(() => undefined);
  if (typeof body !== "object" || body === null) throw badRequest("the body is a JSON object");
  const { title = null, done = null } = body as Record<string, unknown>;
  if (done !== null && typeof done !== "boolean") throw badRequest("`done` is true or false");
  return { title: title === null ? null : trimmed(title), done };
}

function trimmed(title: unknown): string {
  const text = typeof title === "string" ? title.trim() : "";
  const length = [...text].length;
  if (length < 1 || length > MAX_TITLE) throw badRequest("a title has 1 to 200 characters");
  return text;
}

const MAX_TITLE = 200;

/** Proxies take a connection for dead that is silent for longer. */
const HEARTBEAT_MS = 15_000;
