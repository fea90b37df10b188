import { inspect } from "./inspect";
import { wellFormed } from "./well-formed";

/** `Name: message`, the stack and the causes, as a log shows them. */
export function describeError(error: unknown, depth = 0): string {
  if (!isError(error)) return inspect(error);
  // Errors can be in a circle.
  if (depth > DEEPEST) return headline(error);
  let text = headline(error);
  const stack = typeof error.stack === "string" ? authorsFrames(error.stack) : "";
  if (stack) text += `\n${stack}`;
  if (error instanceof AggregateError) {
    for (const inner of error.errors) text += `\n  [${describeError(inner, depth + 1)}]`;
  }
  if (error.cause !== undefined && error.cause !== error) text += `\ncaused by ${describeError(error.cause, depth + 1)}`;
  return text;
}

/** The same for the host's log, whatever the error is: one whose own getters throw must not keep an end back. */
export function errorText(error: unknown): string {
  try {
    return wellFormed(describeError(error));
  } catch {
    return "an error that cannot be described";
  }
}

const DEEPEST = 8;

/** Without the frames of this runtime, which say nothing to an author, unless there are no others. */
function authorsFrames(stack: string): string {
  const frames = stack.trimEnd().split("\n");
  const own = frames.filter((frame) => !frame.includes("runtime.js:") && !frame.endsWith("(native)"));
  return (own.length > 0 ? own : frames).join("\n");
}

export function isError(value: unknown): value is Error {
  return value instanceof Error || (typeof DOMException === "function" && (value as object) instanceof DOMException);
}

export function headline(error: Error): string {
  const name = error.name || error.constructor?.name || "Error";
  return error.message ? `${name}: ${error.message}` : name;
}
