import { host } from "../host";
import { start } from "../build-time";
import type { WebSocketDefinition } from "../rusm/kinds";
import { socket } from "../rusm/socket";
import { toMail } from "../rusm/mail";
import type { HostMail } from "../host";
import { drain, endWith, fail, isThenable } from "./event-loop";

export function runOpen(definition: WebSocketDefinition): void {
  enter(definition, () => definition.open?.(socket));
}

export function runMessage(definition: WebSocketDefinition, data: string | ArrayBuffer): void {
  enter(definition, () => definition.message(socket, typeof data === "string" ? data : new Uint8Array(data)));
}

export function runClose(definition: WebSocketDefinition, code: number, reason: string): void {
  enter(definition, () => definition.close?.(socket, code, reason));
}

export function runSocketMail(definition: WebSocketDefinition, mail: HostMail): void {
  enter(definition, () => definition.onMail?.(socket, toMail(mail)));
}

function enter(definition: WebSocketDefinition, call: () => unknown): void {
  start();
  try {
    const result = call();
    if (isThenable(result)) finish(definition, result).catch(fail);
    else endWith(host.finish);
  } catch (error) {
    fail(error);
  }
}

/** Only an entry that waits can have taken mail in. */
async function finish(definition: WebSocketDefinition, result: PromiseLike<unknown>): Promise<void> {
  await result;
  if (definition.onMail) await drain((mail) => definition.onMail?.(socket, mail));
  endWith(host.finish);
}
