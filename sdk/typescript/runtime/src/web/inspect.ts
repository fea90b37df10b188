import { inspect as loupe } from "loupe";
import { headline, isError } from "./describe-error";

/** A value as a line of the log shows it, on one line unless it is an error with a stack. */
export function inspect(value: unknown): string {
  try {
    return loupe(value, { depth: 4, truncate: 8192 });
  } catch (error) {
    // A getter or a proxy of the value's own threw.
    return `[what cannot be inspected: ${isError(error) ? headline(error) : String(error)}]`;
  }
}
