// Evaluated once, before the author's bundle: see Runner in ../host.d.ts.
import { denyClock } from "./entry/build-clock";
import { runner } from "./entry/runner";
import { defineGlobals } from "./globals";
import * as rusm from "./rusm/index";

defineGlobals();
denyClock();

const scope = globalThis as unknown as Record<symbol, unknown>;
scope[Symbol.for("rusm.runner")] = runner;
scope[Symbol.for("rusm")] = { ...rusm };
