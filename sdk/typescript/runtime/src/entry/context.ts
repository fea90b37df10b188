import { host } from "../host";
import { env } from "../rusm/environment";
import { connectionInfo, pairs } from "../rusm/connection";
import { errorText } from "../web/describe-error";

/** What the current action has to wait for before it is over. */
let waits: Promise<unknown>[] | undefined;

export let resetContext: () => void;

/** The second argument of an action, the third of `fetch`. */
class Context {
  #params: Record<string, string> | undefined;

  /** What the route captured, percent-decoded; `*` is what a trailing `*` did. */
  get params(): Record<string, string> {
    return (this.#params ??= pairs(host.requestParams()));
  }

  get env(): Record<string, string> {
    return env;
  }

  get remoteAddr(): string {
    return connectionInfo.remoteAddr;
  }

  /** The action is over, and its response complete, when the promise has settled. */
  waitUntil(promise: unknown): void {
    (waits ??= []).push(Promise.resolve(promise));
  }

  /** Of nobody who has bound any: here for frameworks of Workers, whose type asks for it. */
  get props(): Record<string, never> {
    return {};
  }

  /** Nothing to pass through to: here for handlers that call it. */
  passThroughOnException(): void {}

  static {
    resetContext = () => {
      waits = undefined;
      context.#params = undefined;
    };
  }
}

/** Made before the snapshot, as an instance answers one request. */
export const context = new Context();

/** Undefined if there is nothing to wait for. */
export function waited(): Promise<void> | undefined {
  return waits && settle();
}

async function settle(): Promise<void> {
  // What is waited for may add to it.
  for (let next = waits?.shift(); next; next = waits?.shift()) {
    await next.catch((error: unknown) => host.log("error", `waitUntil: ${errorText(error)}`));
  }
}
