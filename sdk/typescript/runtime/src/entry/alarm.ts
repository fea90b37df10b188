// Between two messages a process runs no code: what its timers wait for comes as mail of its own.
import { host, type HostMail } from "../host";
import { untilNextTimer } from "../web/timers";

/** What the host has been asked to send, and when it will. */
let alarm: { timer: string; due: number } | undefined;

/** An entry ends, and the process goes on: it is woken for its next timer, if there is one. */
export function setAlarm(): void {
  const wait = untilNextTimer();
  if (wait === undefined) return;
  const due = host.monotonic() + wait;
  if (alarm && alarm.due <= due) return;
  if (alarm) host.cancelTimer(alarm.timer);
  alarm = { timer: host.sendAfter(host.ownPid(), Math.ceil(wait), MARK), due };
}

/** Whether this mail is the alarm, which is off then. */
export function isAlarm(mail: HostMail): boolean {
  if (mail.kind !== 0 || mail.message!.byteLength !== MARK.length) return false;
  const bytes = new Uint8Array(mail.message!);
  if (!MARK.every((byte, at) => byte === bytes[at])) return false;
  alarm = undefined;
  return true;
}

/** Nobody else sends it by chance; who does so on purpose wakes the process, and no more. */
const MARK = Uint8Array.from("\0rusm:typescript/timer\0", (char) => char.charCodeAt(0));
