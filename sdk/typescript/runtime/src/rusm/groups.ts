import { host } from "../host";
import { toMessage } from "./mail";
import type { Pid } from "./pid";

export function join(group: string): void {
  host.registerTag(group);
}

export function leave(group: string): void {
  host.unregisterTag(group);
}

export function members(group: string): Pid[] {
  return host.whereisTag(group) as Pid[];
}

/** To all members, on all cores; how many they are. */
export function publish(group: string, message: unknown): number {
  return host.publish(group, toMessage(message));
}

/** Ends all members; how many they were. Needs `allow-process-control`. */
export function killGroup(group: string): number {
  return host.killTag(group);
}
