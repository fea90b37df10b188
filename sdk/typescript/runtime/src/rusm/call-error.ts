export type CallErrorKind =
  | "no-process"
  | "no-name"
  | "mailbox-full"
  | "died"
  | "timeout"
  | "no-function"
  | "failed"
  | "denied"
  | "encode"
  | "decode";

const SAID: Record<CallErrorKind, (why: string) => string> = {
  "no-process": () => "there is no such process",
  "no-name": (name) => `no process has the name \`${name}\``,
  "mailbox-full": () => "the process has too many messages waiting",
  died: (why) => `the process ended before it answered: ${why}`,
  timeout: () => "the answer did not come in time",
  "no-function": (names) => `the process has no such function; it has ${names}`,
  failed: (why) => why,
  denied: (which) => `not allowed: ${which}`,
  encode: (why) => `an argument has no JSON: ${why}`,
  decode: (why) => `the answer is not the JSON asked for: ${why}`,
};

/** Why a call has no answer. */
export class CallError extends Error {
  readonly kind: CallErrorKind;
  /** What the kind alone does not say. */
  readonly detail: string;

  constructor(kind: CallErrorKind, detail = "", options?: ErrorOptions) {
    super(SAID[kind](detail), options);
    this.kind = kind;
    this.detail = detail;
  }

  /** As the answer of an action that does not catch it. */
  get status(): 500 | 503 | 504 {
    switch (this.kind) {
      case "no-process":
      case "no-name":
      case "mailbox-full":
        return 503;
      case "timeout":
        return 504;
      default:
        return 500;
    }
  }

  static {
    Object.defineProperty(this.prototype, "name", { value: "CallError", writable: true, configurable: true });
  }
}

/** What the host threw, as a CallError. */
export function callError(error: unknown): unknown {
  const kind = (error as { kind?: string } | undefined)?.kind;
  return kind !== undefined && kind in SAID ? new CallError(kind as CallErrorKind, (error as Error).message) : error;
}
