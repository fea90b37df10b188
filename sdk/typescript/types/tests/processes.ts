// Processes, messages, groups, the store and WebSockets.
import {
  acceptStream,
  Bucket,
  cancelTimer,
  demonitor,
  exit,
  info,
  isAlive,
  isPid,
  join,
  kill,
  killGroup,
  kv,
  leave,
  link,
  members,
  monitor,
  openStream,
  process,
  processes,
  publish,
  receive,
  register,
  self,
  send,
  sendAfter,
  setLabel,
  spawn,
  supervise,
  trapExit,
  unlink,
  unregister,
  websocket,
  whereis,
  type Pid,
  type Socket,
} from "rusm";

export default process(async () => {
  const own: Pid = self();
  const child = await spawn("worker");
  monitor(child);
  demonitor(child);
  link(child);
  unlink(child);
  trapExit(true);
  setLabel("main");
  if (register("main")) unregister("main");
  if (isAlive(child)) kill(child);
  const known = info(child)?.names.includes("worker") ?? false;
  const all: Pid[] = [...processes(), ...members("all"), await supervise(["a", "b"], { strategy: "rest-for-one", maxRestarts: 3, withinMs: 1000 })];

  send(own, { known, all });
  send("main", new Uint8Array(2));
  const timer = sendAfter(own, 100, "late");
  if (timer !== undefined) cancelTimer(timer);
  for (let mail = await receive(100); mail; mail = await receive(100)) {
    if (mail.type === "message") console.log(mail.json(), mail.text(), mail.bytes.length);
    else console.warn(mail.pid, mail.reason);
  }
  (await receive()).type satisfies "message" | "down" | "exit";
  // @ts-expect-error there may be none before the timeout
  (await receive(100)).type;

  join("all");
  const reached: number = publish("all", { reached: true }) + killGroup("others");
  leave("all");

  const writer = (await openStream("main")).getWriter();
  await writer.write(new Uint8Array(reached));
  await writer.close();
  // @ts-expect-error it is a stream of bytes
  await writer.write("text");
  for await (const chunk of await acceptStream()) chunk.byteLength;

  const given: string = "12";
  if (isPid(given)) monitor(given);
  // @ts-expect-error a name is no pid
  monitor("main");
  // @ts-expect-error whereis may find none
  kill(whereis("main"));
  // @ts-expect-error there is no such strategy
  await supervise([], { strategy: "all" });
  exit("done");
});

// @ts-expect-error a process is a function
process({ main() {} });

export async function store(): Promise<void> {
  const counts: Bucket = kv.bucket("counts");
  await new Bucket("counts").set("a", "é");
  await counts.set("b", new Uint8Array(1));
  await counts.setJson("c", { d: 1 });
  const bytes: Uint8Array | undefined = await counts.get("a");
  const text: string | undefined = await counts.getText("a");
  const json = await counts.getJson<{ d: number }>("c");
  json?.d.toFixed();
  if (await counts.compareAndSet("a", undefined, bytes ?? text)) await counts.delete("a");
  const keys: string[] = await counts.list({ prefix: "a", limit: 1 });
  if (await counts.has(keys.join())) await counts.increment("n", -1);
  // @ts-expect-error setJson takes anything but text and bytes
  await counts.set("a", 7);
  // @ts-expect-error it may be absent
  (await counts.getText("a")).length;
}

export const socket = websocket({
  names: new Set<string>(),
  open(socket) {
    this.names.add(socket.params.room ?? "");
    socket.send(`${socket.url} ${socket.remoteAddr} ${socket.subprotocol} ${socket.headers.get("host")}`);
  },
  async message(socket, data) {
    if (!socket.send(typeof data === "string" ? data.toUpperCase() : data.slice())) socket.close(4000, "bye");
    // @ts-expect-error it is text or bytes
    socket.send({});
  },
  close(_socket: Socket, code, reason) {
    console.log(code.toFixed(), reason.length);
  },
  onMail(socket, mail) {
    if (mail.type === "message") socket.send(mail.bytes);
  },
});

// @ts-expect-error it takes messages
websocket({ open() {} });
