// What a caller of the service sees.
import { call, CallError, callStream, cast, client, fresh, run, whereis, type CallErrorKind, type Pid } from "rusm";
import type tally from "./tally";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

type Tally = typeof tally;

interface Entry {
  at: string;
  tags: (string | null)[];
  url: string;
  note: string | undefined;
}

export async function byClient(): Promise<void> {
  const process = client<Tally>("tally", { timeoutMs: 100 });
  const pid: Pid = process.$pid;
  client<Tally>(pid);

  const sum = await process.add(1, "note");
  same<typeof sum, number>(true);
  const none = await process.reset();
  same<typeof none, null>(true);
  const who = await process.who();
  same<typeof who, Pid | null>(true);
  const entry = await process.entry();
  same<typeof entry, Entry>(true);
  const done = await process.each(["a"], (n) => n.toFixed(), async (ok) => void (ok satisfies boolean));
  same<typeof done, "done">(true);
  (await process.anything({})).whatever;

  await process.$cast("add", 2);
  for await (const item of process.$stream("list", 3)) same<typeof item, { at: string }>(true);
  for await (const item of process.$stream("slowly")) same<typeof item, string>(true);

  // @ts-expect-error it adds numbers
  process.add("1");
  // @ts-expect-error it takes an argument
  process.add();
  // @ts-expect-error there is no such function
  process.subtract(1);
  // @ts-expect-error this is called by the host
  process.init();
  // @ts-expect-error and so is this
  process.onMail;
  // @ts-expect-error state is not to be had
  process.seen;
  // @ts-expect-error a generator answers by a stream
  process.list(3);
  // @ts-expect-error and what is none has no stream
  process.$stream("add", 1);
  // @ts-expect-error a callback takes what the service gives
  process.each([], (text: string) => text);
  // @ts-expect-error a cast has no callbacks
  process.$cast("each", [], () => {});
}

export async function byName(): Promise<void> {
  const pid = whereis("tally");
  // @ts-expect-error no process may have the name
  await call(pid, "add", 1);

  const answer = await call("tally", "add", 1);
  same<typeof answer, unknown>(true);
  same<Awaited<ReturnType<typeof call<number>>>, number>(true);
  const typed = await call<Tally, "add">("tally", "add", 1);
  same<typeof typed, number>(true);
  await call<Tally, "each">("tally", "each", [], (n) => n + 1);
  await cast("tally", "add", 1);
  await cast<Tally, "add">("tally", "add", 1);
  for await (const item of callStream<{ at: string }>("tally", "list", 1)) item.at.length;
  for await (const item of callStream<Tally, "list">("tally", "list", 1)) item.at.length;
  const ran: number = await run<number>("tally", "add", 1);
  const checked: number = await run<Tally, "add">("tally", "add", ran);

  // @ts-expect-error a process is named by text
  await call(7, "add", checked);
  // @ts-expect-error it adds numbers
  await call<Tally, "add">("tally", "add", "1");
  // @ts-expect-error there is no such function
  await call<Tally, "subtract">("tally", "subtract", 1);
  // @ts-expect-error a fresh process has no callbacks
  await run<Tally, "each">("tally", "each", [], () => {});
}

export async function inFreshProcesses(): Promise<void> {
  const each = fresh<Tally>("tally");
  const sum: number = await each.add(1);
  // @ts-expect-error there is no process that is kept
  each.$pid;
  // @ts-expect-error a fresh process has no callbacks
  each.each([], () => {});
  await fresh("tally").add(sum);
}

// A service in another language.
interface Counter {
  increment(name: string, by: number): number;
  list(prefix: string): Iterator<[string, number]> & Iterable<[string, number]>;
}

export async function elsewhere(): Promise<void> {
  const counter = client<Counter>("counter");
  const n: number = await counter.increment("apples", 1);
  for await (const [name, count] of counter.$stream("list", "a")) same<[typeof name, typeof count], [string, number]>(true);
  await client("counter").increment("apples", n);
}

export function failure(error: unknown): Response {
  if (!(error instanceof CallError)) throw error;
  const kind: CallErrorKind = error.kind;
  // @ts-expect-error there is no such kind
  if (error.kind === "gone") return new Response(error.detail);
  return new Response(`${kind}: ${error.message}`, { status: error.status });
}
