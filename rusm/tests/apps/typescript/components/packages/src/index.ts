import { Hono } from "hono";
import { marked } from "marked";
import { nanoid } from "nanoid";
import { z } from "zod";

const Item = z.object({ title: z.string().min(1), done: z.boolean().default(false) });

const app = new Hono().basePath("/api");

app.get("/id", (c) => c.json({ id: nanoid() }));
app.get("/page/:name", (c) => c.html(marked.parse(`# ${c.req.param("name")}\n\n*emphasis*`) as string));
app.post("/items", async (c) => {
  const parsed = Item.safeParse(await c.req.json());
  return parsed.success ? c.json(parsed.data, 201) : c.json({ issues: parsed.error.issues.map((issue) => issue.path) }, 422);
});

export default app;
