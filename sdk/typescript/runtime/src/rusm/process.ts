import { host, type HostProcessInfo } from "../host";
import { attempt } from "./call";
import type { Pid } from "./pid";

export function self(): Pid {
  return host.ownPid() as Pid;
}

/** Starts a component as a process, on this core. Needs `allow-spawn`. */
export async function spawn(component: string): Promise<Pid> {
  return attempt(() => host.spawn(component)) as Pid;
}

export function whereis(name: string): Pid | undefined {
  return host.whereis(name) as Pid | undefined;
}

/** False if another process has the name. */
export function register(name: string): boolean {
  return host.register(name);
}

export function unregister(name: string): boolean {
  return host.unregister(name);
}

/** When it ends, or if it is gone already, this process gets a `down`. */
export function monitor(pid: Pid): void {
  host.monitor(pid);
}

export function demonitor(pid: Pid): void {
  host.demonitor(pid);
}

/** When either ends otherwise than normally, so does the other. */
export function link(pid: Pid): void {
  host.link(pid);
}

export function unlink(pid: Pid): void {
  host.unlink(pid);
}

export function trapExit(on: boolean): void {
  host.trapExit(on);
}

/** Ends this process: normally, or with a reason. */
export function exit(reason?: string): never {
  if (reason === undefined) host.exit();
  else host.exit(reason);
  throw new Error("the host has ended this process");
}

/** False if it was gone. */
export function kill(pid: Pid): boolean {
  return host.kill(pid);
}

export function isAlive(pid: Pid): boolean {
  return host.isAlive(pid);
}

export function processes(): Pid[] {
  return host.listProcesses() as Pid[];
}

export function info(pid: Pid): HostProcessInfo | undefined {
  return host.info(pid);
}

export function setLabel(label: string): void {
  host.setLabel(label);
}

/** Who made the call that this process is answering. */
export function caller(): Pid | undefined {
  return host.caller() as Pid | undefined;
}

export interface SuperviseOptions {
  strategy?: "one-for-one" | "one-for-all" | "rest-for-one";
  maxRestarts?: number;
  withinMs?: number;
}

/** Starts components and a supervisor of them, linked to this process. Needs `allow-spawn`. */
export async function supervise(children: string[], options: SuperviseOptions = {}): Promise<Pid> {
  const { strategy = "one-for-one", maxRestarts = 0, withinMs = 0 } = options;
  return attempt(() => host.supervise(strategy, children, maxRestarts, withinMs)) as Pid;
}
