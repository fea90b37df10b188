// Runs one test of Test262 (https://github.com/tc39/test262): the same in an instance of the snapshot and in
// QuickJS on this machine. Gives "ok", or what went wrong.
const print = { done: undefined };
const AsyncFunction = (async () => {}).constructor;
const evaluate = globalThis.eval;
const { Error: EngineError, String: text, Promise: Later, SyntaxError: Syntax } = globalThis;

globalThis.print = (line) => {
  const said = text(line);
  if (said === "Test262:AsyncTestComplete") print.done?.("ok");
  else if (said.startsWith("Test262:AsyncTestFailure:")) print.done?.(said.slice(25));
};
globalThis.$262 = {
  global: globalThis,
  evalScript: (source) => evaluate(source),
  detachArrayBuffer: (buffer) => void ArrayBuffer.prototype.transfer.call(buffer),
  gc() {},
  AbstractModuleSource: undefined,
};

/** `harness` and `source` are scripts; `negative` has the phase and the type of the error that is right. */
async function runTest({ harness, source, isAsync, negative }) {
  try {
    evaluate(harness);
  } catch (error) {
    return `the harness: ${describe(error)}`;
  }
  const ended = new Later((done) => { print.done = done; });
  try {
    // A test that is wrong to parse says so by `$DONOTEVALUATE`, which throws if it comes that far.
    evaluate(source);
  } catch (error) {
    if (negative) return nameOf(error) === negative.type ? "ok" : `${describe(error)}, not a ${negative.type}`;
    return describe(error);
  }
  if (negative) return `nothing, not a ${negative.type}`;
  return isAsync ? ended : "ok";
}

function nameOf(error) {
  try {
    return error.constructor.name;
  } catch {
    return "";
  }
}

function describe(error) {
  try {
    if ((typeof error !== "object" && typeof error !== "function") || error === null) return `thrown: ${text(error)}`;
    return `${nameOf(error)}: ${text(error.message)}`.replace(/\s+/g, " ").slice(0, 160);
  } catch {
    return "thrown: what cannot be described";
  }
}
