import { kindOf } from "../rusm/kinds";
import { defaultAction, namedAction, type Action } from "./action";
import { functionNames } from "./function";
import type { ServiceDefinition, WebSocketDefinition } from "../rusm/kinds";

/** What an author's module is. */
export type Component =
  | { kind: "handler"; actions: Action[] }
  | { kind: "service"; definition: ServiceDefinition; functions: string[] }
  | { kind: "websocket"; definition: WebSocketDefinition }
  | { kind: "process"; main: () => unknown };

type AnyFunction = (...args: unknown[]) => unknown;

/** Throws a TypeError that says what a module has to export. */
export function toComponent(namespace: Record<string, unknown>): Component {
  const made = kindOf(namespace["default"]);
  if (made?.kind === "service") {
    const functions = functionNames(made.definition);
    for (const name of ["init", "onMail"]) {
      const value = made.definition[name];
      if (value !== undefined && typeof value !== "function") throw new TypeError(`\`${name}\` of a service is a function`);
    }
    if (functions.length === 0 && !made.definition.onMail) throw new TypeError("the service has no function");
    return { kind: "service", definition: made.definition, functions };
  }
  if (made) return made;
  return { kind: "handler", actions: toActions(namespace) };
}

/** For `describe` of the runner's ABI. Processes that wait take mail, as their timers come by it. */
export function describe(component: Component): string {
  switch (component.kind) {
    case "handler":
      return JSON.stringify({ kind: "handler", actions: component.actions.map((action) => action.name), functions: [] });
    case "service":
      return JSON.stringify({ kind: "service", functions: component.functions, onMail: true });
    case "websocket":
      return JSON.stringify({ kind: "websocket", onMail: true });
    case "process":
      return JSON.stringify({ kind: "process" });
  }
}

function toActions(namespace: Record<string, unknown>): Action[] {
  const actions: Action[] = [];
  const main = namespace["default"];
  if (typeof main === "function") actions.push(defaultAction(main as AnyFunction, undefined));
  else if (hasFetch(main)) actions.push(defaultAction(main.fetch, main));
  else if (main !== undefined) throw new TypeError("the default export is a function, an object with `fetch`, or made by service, websocket or process of the module rusm");
  for (const [name, value] of Object.entries(namespace)) {
    if (name === "default" || typeof value !== "function" || isClass(value)) continue;
    if (name === "fetch" && actions.length > 0) throw new TypeError("the default export and the export `fetch` are both the action `fetch`");
    actions.push(namedAction(name, value as AnyFunction));
  }
  if (actions.length === 0) {
    throw new TypeError("the module exports nothing to serve: `export default { fetch(request) { ... } }`, or functions by their names");
  }
  return actions;
}

function hasFetch(value: unknown): value is { fetch: AnyFunction } {
  return typeof value === "object" && value !== null && typeof (value as { fetch?: unknown }).fetch === "function";
}

/** Exported for others to use, and no action: it can't be called. */
function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}
