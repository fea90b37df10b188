// The packages that scripts/setup-test-tools.sh has installed.
import { createRequire } from "node:module";

const root = new URL("../../../../", import.meta.url);
export const require = createRequire(new URL("target/test-node/", root));
