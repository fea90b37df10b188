// Runs Web Platform Tests inside the runtime: `node tests/wpt.mjs WPT_DIRECTORY HARNESS [FILTER]`.
//
// WPT_DIRECTORY is a checkout of web-platform-tests, or the part of it in Node's sources,
// `test/fixtures/wpt`. HARNESS is the binary of ../harness. Prints what failed, and a table.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const AREAS = {
  "URL, URLSearchParams": ["url/*.any.js"],
  "Headers, Request, Response, bodies": ["fetch/api/{headers,request,response,body}/*.any.js"],
  "TextEncoder, TextDecoder": ["encoding/*.any.js"],
  "TextEncoderStream, TextDecoderStream": ["encoding/streams/*.any.js"],
  "ReadableStream": ["streams/readable-streams/*.any.js"],
  "ReadableStream of bytes": ["streams/readable-byte-streams/*.any.js"],
  "WritableStream": ["streams/writable-streams/*.any.js"],
  "TransformStream": ["streams/transform-streams/*.any.js"],
  "Streams: piping": ["streams/piping/*.any.js"],
  "Blob, File": ["FileAPI/blob/*.any.js", "FileAPI/file/*.any.js"],
  "AbortController, AbortSignal": ["dom/abort/*.any.js"],
  "Event, EventTarget": ["dom/events/*.any.js"],
  "setTimeout, setInterval": ["html/webappapis/timers/*.any.js"],
  "queueMicrotask": ["html/webappapis/microtask-queuing/*.any.js"],
  "atob, btoa": ["html/webappapis/atob/*.any.js"],
  "structuredClone": ["html/webappapis/structured-clone/*.any.js"],
  "console": ["console/*.any.js"],
  "performance.now": ["hr-time/*.any.js"],
  "crypto.getRandomValues, randomUUID": ["WebCryptoAPI/getRandomValues.any.js", "WebCryptoAPI/randomUUID.https.any.js"],
  "crypto.subtle.digest": ["WebCryptoAPI/digest/digest.https.any.js"],
  "crypto.subtle: HMAC": ["WebCryptoAPI/sign_verify/hmac.https.any.js", "WebCryptoAPI/generateKey/*_HMAC.https.any.js"],
};

/** Not about what a server has: Web IDL's reflection, encodings of old, the garbage collector. */
const SKIPPED = /idlharness|historical|legacy|FileReader|send-file-formdata|owning-type|garbage-collection|iso-2022|replacement|read-text-after|send-file|fatal-single-byte|unsupported-encodings|non-utf/;

const [wpt, harness, filter] = process.argv.slice(2).map((arg, i) => (i < 2 ? resolve(arg) : arg));
const here = dirname(new URL(import.meta.url).pathname);
const scratch = mkdtempSync(join(tmpdir(), "wpt-"));
const rows = [];

for (const [area, patterns] of Object.entries(AREAS)) {
  let passed = 0;
  let total = 0;
  const files = patterns.flatMap((pattern) => globFiles(pattern)).filter((file) => !SKIPPED.test(file) && (!filter || file.includes(filter)));
  for (const file of files) {
    const [good, all] = run(file);
    passed += good;
    total += all;
  }
  if (files.length > 0) rows.push(`| ${area} | ${passed} of ${total} |`);
}
console.log(rows.join("\n"));

function run(file) {
  const path = join(wpt, file);
  const source = readFileSync(path, "utf8");
  const scripts = [...source.matchAll(/^\/\/ META: script=(.*)$/gm)].map(([, script]) => (script.startsWith("/") ? join(wpt, script) : join(dirname(path), script)));
  const directories = join(scratch, "directories.js");
  writeFileSync(directories, `globalThis.__wptRoot = ${JSON.stringify(wpt)}; globalThis.__wptDirectory = ${JSON.stringify(dirname(path))};`);
  const files = [directories, join(here, "wpt-prelude.js"), join(wpt, "resources/testharness.js"), join(here, "wpt-report.js"), ...scripts.filter(existsSync), path];
  // One test file ends the setting up of tests at its last line, whatever is still to come.
  const done = join(scratch, "done.js");
  writeFileSync(done, "done();");
  let output;
  try {
    output = execFileSync(harness, [join(here, "../dist/runtime.js"), ...files, done], { encoding: "utf8", timeout: 120_000, maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    output = `${error.stdout ?? ""}\nHARNESS ${JSON.stringify(String(error.stderr || error.message))}`;
  }
  for (const line of output.split("\n")) if (/^(FAIL|HARNESS)/.test(line)) console.log(`${file}: ${line.slice(0, 400)}`);
  const sum = /^SUM (\d+) (\d+)$/m.exec(output);
  return sum ? [Number(sum[1]), Number(sum[2])] : [0, 1];
}

function globFiles(pattern) {
  const choice = /\{(.*)\}/.exec(pattern);
  if (choice) return choice[1].split(",").flatMap((each) => globFiles(pattern.replace(choice[0], each)));
  const directory = dirname(pattern);
  const [before, after] = pattern.slice(directory.length + 1).split("*");
  const names = existsSync(join(wpt, directory)) ? readdirSync(join(wpt, directory)).sort() : [];
  return names.filter((name) => name.startsWith(before) && name.endsWith(after ?? "")).map((name) => `${directory}/${name}`);
}
