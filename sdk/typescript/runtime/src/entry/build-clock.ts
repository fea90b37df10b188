// Top-level code runs at build time: a clock that is read there would be frozen into the snapshot.
import { started } from "../build-time";

const RealDate = Date;

/** Until `allowClock`, the clock throws; dates of a given time can be made. */
export function denyClock(): void {
  function BuildDate(this: unknown, ...args: unknown[]): unknown {
    if (args.length === 0 || new.target === undefined) started("the clock");
    return Reflect.construct(RealDate, args, new.target === BuildDate ? RealDate : new.target!);
  }
  Object.setPrototypeOf(BuildDate, RealDate);
  Object.defineProperty(BuildDate, "prototype", { value: RealDate.prototype });
  Object.defineProperty(BuildDate, "now", { value: () => started("the clock") });
  setDate(BuildDate);
}

export function allowClock(): void {
  setDate(RealDate);
}

function setDate(value: unknown): void {
  Object.defineProperty(globalThis, "Date", { value, writable: true, enumerable: false, configurable: true });
}
