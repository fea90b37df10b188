// Evaluated once, before the author's bundle: see Runner in ../host.d.ts.
import { denyHost } from "./build-time";
import { denyClock } from "./entry/build-clock";
import { runner } from "./entry/runner";
import { forNode } from "./node";
import { defineGlobals } from "./globals";
import * as rusm from "./rusm/index";

defineGlobals();
denyClock();
denyHost();

const scope = globalThis as unknown as Record<symbol, unknown>;
scope[Symbol.for("rusm.runner")] = runner;
scope[Symbol.for("rusm")] = { ...rusm };
Object.defineProperty(scope, Symbol.for("rusm.node"), { value: forNode });
