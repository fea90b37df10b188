import { host } from "../host";
import { CallError } from "./call-error";

/** A process, in decimal: as a number of JavaScript it would lose its last bits. */
export type Pid = string & { readonly __pid: unique symbol };

/** A process, or the name of one. What consists of digits alone is a pid. */
export type Target = Pid | string;

export function isPid(target: string): target is Pid {
  const first = target.charCodeAt(0);
  return first >= 0x30 && first <= 0x39 && /^\d+$/.test(target);
}

/** The process; a CallError of the kind `no-name` if no process has the name. */
export function resolve(target: Target): Pid {
  if (typeof target !== "string") throw new TypeError("a process is named by its pid or by its name, both strings");
  if (isPid(target)) return target;
  const pid = host.whereis(target);
  if (pid === undefined) throw new CallError("no-name", target);
  return pid as Pid;
}
