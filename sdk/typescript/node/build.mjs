// Makes modules/: an ES module for each file of src/, and what several of them share. `rusm build` puts into a
// bundle what it imports. LICENSES.txt has the licenses of the packages whose code is in them.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
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

const { metafile } = await build({
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
  metafile: true,
});

const packages = Object.keys(metafile.inputs).flatMap((input) => input.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []);
let licenses = "The files of modules/ contain code of these packages.\n";
for (const name of [...new Set(packages)].sort()) {
  const dir = `node_modules/${name}`;
  const { version, license } = JSON.parse(await readFile(`${dir}/package.json`, "utf8"));
  const file = (await readdir(dir)).find((file) => /^licen[cs]e/i.test(file));
  // A package without a file has its license in its README.
  const text = file && (await readFile(`${dir}/${file}`, "utf8"));
  licenses += `\n---\n${name} ${version}, ${license}\n\n${(text ?? "").trim()}\n`;
}
await writeFile("LICENSES.txt", licenses);
