// Top-level code runs at build time: a clock that is read there would be frozen into the snapshot.
import { isReal } from "../build-time";

const RealDate = Date;

/**
 * Until `allowClock`, the clock throws in the author's modules and stands at 1970 in packages; dates of a given
 * time can be made. What a module keeps of it is the real clock later.
 */
export function denyClock(): void {
  function BuildDate(this: unknown, ...args: unknown[]): unknown {
    const asksForNow = args.length === 0 || new.target === undefined;
    const given = asksForNow && !isReal("the clock") ? [FIXED] : args;
    if (new.target === undefined) return new RealDate(...(given === args ? [] : [FIXED]) as []).toString();
    return Reflect.construct(RealDate, given, new.target === BuildDate ? RealDate : new.target);
  }
  Object.setPrototypeOf(BuildDate, RealDate);
  Object.defineProperty(BuildDate, "prototype", { value: RealDate.prototype });
  Object.defineProperty(BuildDate, "now", { value: () => (isReal("the clock") ? RealDate.now() : FIXED), writable: true, configurable: true });
  setDate(BuildDate);
}

export function allowClock(): void {
  setDate(RealDate);
}

const FIXED = 0;

function setDate(value: unknown): void {
  Object.defineProperty(globalThis, "Date", { value, writable: true, enumerable: false, configurable: true });
}
