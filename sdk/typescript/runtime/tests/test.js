// What the tests are written with; it says which failed.
(() => {
  const tests = [];
  globalThis.test = (name, run) => tests.push([name, run]);
  const show = (value) => JSON.stringify(value, (_, part) => (part === undefined ? "(undefined)" : part instanceof Uint8Array ? [...part] : part));
  globalThis.equal = (actual, expected, what = "") => {
    if (show(actual) !== show(expected)) throw new Error(`${what} expected ${show(expected)}, got ${show(actual)}`);
  };
  globalThis.ok = (value, what = "a true value") => {
    if (!value) throw new Error(`${what} expected`);
  };
  globalThis.throws = async (run, expected) => {
    try {
      await run();
    } catch (error) {
      if (typeof expected === "function" && !(error instanceof expected)) throw new Error(`expected a ${expected.name}, got ${error}`);
      if (expected instanceof RegExp && !expected.test(`${error.name}: ${error.message}`)) throw new Error(`expected ${expected}, got ${error}`);
      return error;
    }
    throw new Error("an error was expected");
  };

  /** The author's module, and the entries into it: each gives what the host was told. */
  globalThis.component = (exports) => JSON.parse(__runner.describe(exports));
  const entry = (begin) => {
    __told.length = 0;
    return new Promise((done) => {
      __fake.ended = (end) => done({ end, told: [...__told] });
      begin();
    });
  };
  globalThis.action = async (index, { method = "GET", target = "/", headers = [], params = [], body = "" } = {}) => {
    Object.assign(__fake, { headers, params, body });
    const { end, told } = await entry(() => __runner.action(index, method, target));
    const [kind, status, flat, content] = end;
    return kind === "answer" ? { status, headers: flat, body: content, told } : { failed: status, told };
  };
  globalThis.call = async (index, ...args) => {
    const { end } = await entry(() => __runner.function(index, JSON.stringify(args)));
    return end[0] === "answerFunction" ? { answer: end[1] } : { [end[0]]: end[1] };
  };
  globalThis.enter = (name, ...args) => entry(() => __runner[name](...args));

  let failed = 0;
  let running;
  const all = async () => {
    // The first entry of an instance: what is not allowed at build time is allowed from here.
    component({ default: () => new Response() });
    await action(0);
    for (const [name, run] of tests) {
      Object.assign(__fake, { gone: false, mail: [], environment: [], names: {}, replyStream: undefined, caller: undefined });
      try {
        await run();
      } catch (error) {
        failed++;
        print(`FAILED ${name}: ${error}\n${error.stack}`);
      }
    }
    print(`${tests.length - failed} of ${tests.length} passed`);
    running = "done";
  };
  globalThis.__turn = () => {
    if (tests.length === 0) return false;
    if (!running) {
      running = "yes";
      all();
      return true;
    }
    if (running === "done") return false;
    if (!__runner.turn()) {
      print("FAILED: a promise of the tests never settles");
      return false;
    }
    return true;
  };
})();
