// Makes dist/runtime.js: one classic script, which the runner evaluates before an author's bundle.
import { build } from "esbuild";

const { metafile } = await build({
  entryPoints: ["src/main.ts"],
  outfile: "dist/runtime.js",
  bundle: true,
  format: "iife",
  target: "es2022",
  platform: "neutral",
  mainFields: ["module", "main"],
  // Names stay: they stand in stack traces and in `constructor.name`.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "inline",
  metafile: true,
});

for (const [file, { bytes }] of Object.entries(metafile.outputs)) {
  console.log(`${file} ${bytes} bytes`);
}
