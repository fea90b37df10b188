// The author's top-level code runs once, at build time. What it would freeze into the snapshot is refused there.

let running = false;

/** The first entry of an instance has begun. */
export function start(): void {
  running = true;
}

export function isRunning(): boolean {
  return running;
}

/** Throws at build time: `what` is nothing that top-level code may have. */
export function started(what: string): void {
  if (!running) {
    throw new Error(`${what} at the top level of a module: that code runs once, at build time; do it in a function that a request calls`);
  }
}
