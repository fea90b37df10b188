import { host, type HostMail } from "../host";
import { toBytes } from "../web/bytes";
import { decodeUtf8, encodeUtf8 } from "../web/text";
import { clearTimer, setTimer } from "../web/timers";
import { encodeValue } from "./wire";
import { resolve, type Pid, type Target } from "./pid";

/** What somebody has sent. */
export class Message {
  readonly type = "message";
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  text(): string {
    return decodeUtf8(this.bytes);
  }

  /** Throws a SyntaxError if it is none. */
  json(): unknown {
    return JSON.parse(this.text());
  }
}

/** A monitored process (`down`), or a linked one (`exit`), has ended. */
export interface Ended {
  readonly type: "down" | "exit";
  readonly pid: Pid;
  readonly reason: string;
}

export type Mail = Message | Ended;

export function toMail(mail: HostMail): Mail {
  if (mail.kind === 0) return new Message(new Uint8Array(mail.message!));
  return { type: mail.kind === 1 ? "down" : "exit", pid: mail.pid as Pid, reason: mail.reason ?? "" };
}

/** Bytes as they are, anything else as its JSON. */
export function toMessage(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return toBytes(value);
  return encodeUtf8(encodeValue(value));
}

/** Dropped if the process is gone, or no process has the name. */
export function send(target: Target, message: unknown): void {
  const pid = /^\d+$/.test(target) ? target : host.whereis(target);
  if (pid !== undefined) host.send(pid, toMessage(message));
}

/** Sends it later; what it gives is for `cancelTimer`. Undefined if the host has as many timers as it may have. */
export function sendAfter(target: Target, delayMs: number, message: unknown): string | undefined {
  const timer = host.sendAfter(resolve(target), Math.max(0, Math.ceil(delayMs)), toMessage(message));
  return timer === "0" ? undefined : timer;
}

export function cancelTimer(timer: string): boolean {
  return host.cancelTimer(timer);
}

/** What came while something else was waited for. */
const queue: Mail[] = [];
const waiting: ((mail: Mail) => void)[] = [];

/** The next mail; undefined after the timeout, if there is one. */
export function receive(timeoutMs?: number): Promise<Mail | undefined> {
  const first = queue.shift();
  if (first) return Promise.resolve(first);
  return new Promise((done) => {
    let timer: number | undefined;
    const taken = (mail: Mail): void => {
      if (timer !== undefined) clearTimer(timer);
      done(mail);
    };
    waiting.push(taken);
    if (timeoutMs !== undefined) {
      timer = setTimer(() => {
        waiting.splice(waiting.indexOf(taken), 1);
        done(undefined);
      }, timeoutMs);
    }
  });
}

export function isAwaited(): boolean {
  return waiting.length > 0;
}

export function deliver(mail: Mail): void {
  const taker = waiting.shift();
  if (taker) taker(mail);
  else queue.push(mail);
}

/** The oldest that nobody has received. */
export function takeQueued(): Mail | undefined {
  return queue.shift();
}
