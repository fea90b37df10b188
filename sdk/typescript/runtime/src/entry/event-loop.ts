import { host } from "../host";
import { errorText } from "../web/describe-error";
import { deliver, isAwaited, takeQueued, toMail, type Mail } from "../rusm/mail";
import { fireTimer, untilNextTimer } from "../web/timers";
import { isAlarm, setAlarm } from "./alarm";

/** `where` is the beginning of the line in the log. */
export function fail(error: unknown, where = ""): void {
  host.fail(where + errorText(error));
}

let end: (() => void) | undefined;

/** Ends an entry of a process that goes on, when what the entry has begun and does not wait for rests. */
export function endWith(how: () => void): void {
  end = how;
}

/** Runs the timers that are due, for which the process was woken. */
export function runTimers(): void {
  try {
    while (fireTimer());
    endWith(host.finish);
  } catch (error) {
    fail(error);
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** See Runner in host.d.ts. */
export function turn(): boolean {
  if (end) {
    const how = end;
    end = undefined;
    setAlarm();
    how();
    return true;
  }
  try {
    if (fireTimer()) return true;
  } catch (error) {
    fail(error);
    return true;
  }
  const wait = untilNextTimer();
  if (wait === undefined && !isAwaited()) return false;
  const mail = wait === undefined ? host.receiveMail() : host.receiveMail(Math.ceil(wait));
  if (mail && !isAlarm(mail)) deliver(toMail(mail));
  return true;
}

/** Gives `take` what came while this entry waited and nobody received: no other entry would. */
export async function drain(take: (mail: Mail) => unknown): Promise<void> {
  for (let mail = takeQueued(); mail; mail = takeQueued()) await take(mail);
}
