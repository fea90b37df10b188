// Makes modules/: an ES module for each file of src/, and what several of them share. `rusm build` puts into a
// bundle what it imports.
import { rm, readdir } from "node:fs/promises";
import { build } from "esbuild";

await rm("modules", { recursive: true, force: true });
const sources = await readdir("src");
const names = new Set(sources.map((file) => file.replace(/\.js$/, "").replaceAll("-", "/")));

const sourceDir = new URL("src/", import.meta.url).pathname;

/** What a package imports of Node is one of these modules, not a copy of it. */
const nodes = {
  name: "node",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, importer, kind }) => {
      if (kind === "entry-point" || path.startsWith("rusm")) return undefined;
      const name = path.replace(/^node:/, "").replace(/\/$/, "");
      // `src/` stands on the packages, and they on it.
      if (importer.startsWith(sourceDir) || !names.has(name)) return undefined;
      return { path: `${sourceDir}${name.replaceAll("/", "-")}.js` };
    });
  },
};

await build({
  entryPoints: sources.map((file) => `src/${file}`),
  outdir: "modules",
  chunkNames: "shared.[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["browser"],
  external: ["rusm"],
  plugins: [nodes],
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "inline",
});
