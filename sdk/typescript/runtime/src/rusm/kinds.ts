// What a module's default export says that its component is.
import type { Mail } from "./mail";
import type { Socket } from "./socket";

export interface ServiceDefinition {
  init?(): unknown;
  onMail?(mail: Mail): unknown;
  [name: string]: unknown;
}

export interface WebSocketDefinition {
  open?(socket: Socket): unknown;
  message(socket: Socket, data: string | Uint8Array): unknown;
  close?(socket: Socket, code: number, reason: string): unknown;
  onMail?(socket: Socket, mail: Mail): unknown;
}

export type Kind =
  | { kind: "service"; definition: ServiceDefinition }
  | { kind: "websocket"; definition: WebSocketDefinition }
  | { kind: "process"; main: () => unknown };

const kinds = new WeakMap<object, Kind>();

/** A process that is kept, with these functions. Other properties are its state, by `this`. */
export function service<T extends ServiceDefinition>(definition: T): T {
  if (typeof definition !== "object" || definition === null) throw new TypeError("service takes an object of functions");
  kinds.set(definition, { kind: "service", definition });
  return definition;
}

/** A process for each WebSocket. */
export function websocket<T extends WebSocketDefinition>(definition: T): T {
  if (typeof definition?.message !== "function") throw new TypeError("websocket takes an object with a function `message`");
  for (const name of ["open", "close", "onMail"] as const) {
    if (definition[name] !== undefined && typeof definition[name] !== "function") throw new TypeError(`\`${name}\` of a websocket is a function`);
  }
  kinds.set(definition, { kind: "websocket", definition });
  return definition;
}

/** A process whose life is this function. */
export function process<T extends () => unknown>(main: T): T {
  if (typeof main !== "function") throw new TypeError("process takes a function");
  kinds.set(main, { kind: "process", main });
  return main;
}

export function kindOf(value: unknown): Kind | undefined {
  return (typeof value === "object" && value !== null) || typeof value === "function" ? kinds.get(value) : undefined;
}
