// What can go wrong in an action, and what the client hears of it.
import type { Action } from "rusm";

/** Thrown in an action, it is the answer. */
export class Failure extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const badRequest = (why: string): Failure => new Failure(400, why);

export const notFound = (): Failure => new Failure(404, "no such todo");

/** The action, with an answer for each failure. Other errors are for the host to answer. */
export function answering(action: Action): Action {
  return async (request, context) => {
    try {
      return await action(request, context);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return new Response(`${error.message}\n`, { status: error.status });
    }
  };
}
