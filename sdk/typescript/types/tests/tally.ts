// A service with each kind of function.
import { callback, caller, register, service, type Callback, type Mail, type Pid } from "rusm";

let total = 0;

export default service({
  seen: new Map<string, number>(),
  async init() {
    register("tally");
    this.seen.set("init", 1);
  },
  onMail(mail) {
    const same: Mail = mail;
    if (same.type === "message") total += same.json<number>();
    else this.seen.delete(same.pid);
    // @ts-expect-error the end of a process has no bytes
    mail.bytes;
  },
  add(by: number, note?: string): number {
    this.seen.set(note ?? "", by);
    // @ts-expect-error the state has no such part
    this.unseen;
    return (total += by);
  },
  reset(): void {
    total = 0;
  },
  async who(): Promise<Pid | undefined> {
    return caller();
  },
  entry() {
    return { at: new Date(0), tags: ["a", undefined], url: new URL("http://a/"), note: undefined as string | undefined, log() {} };
  },
  *list(upTo: number) {
    for (let i = 0; i < upTo; i++) yield { at: new Date(i) };
  },
  async *slowly(): AsyncGenerator<string> {
    yield "a";
  },
  async each(names: string[], progress: Callback<number>, done?: Callback<boolean>) {
    const tell = callback(progress);
    const there: boolean = await tell(names.length);
    // @ts-expect-error the caller's function takes a number
    await tell("1");
    if (done) await callback(done)(there);
    return "done" as const;
  },
  anything(value: any): any {
    const untyped = callback(value as unknown);
    void untyped({ any: "thing" });
    return value;
  },
});

// @ts-expect-error a service is an object
service(() => 7);

service({
  // @ts-expect-error `init` is a function
  init: 1,
});
