// https://w3c.github.io/hr-time/#sec-performance
import { now } from "./clock";
import { EventTarget } from "./event-target";

export class Performance extends EventTarget {
  /** Milliseconds since the instance began; 0 at build time. */
  now(): number {
    return now();
  }

  get timeOrigin(): number {
    return Date.now() - this.now();
  }

  toJSON(): { timeOrigin: number } {
    return { timeOrigin: this.timeOrigin };
  }

  override get [Symbol.toStringTag](): string {
    return "Performance";
  }
}
