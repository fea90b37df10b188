// What testharness.js of the Web Platform Tests needs around it.
__runner.describe({ default: () => new Response(null) });
__runner.action(0, "GET", "/");
__told.length = 0;
globalThis.GLOBAL = { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false };
globalThis.location = { pathname: "/", search: "", href: "http://web-platform.test/", origin: "http://web-platform.test", hash: "" };
globalThis.fetch = async (path) => {
  const text = readFile(path.startsWith("/") ? `${__wptRoot}${path}` : `${__wptDirectory}/${path}`);
  if (text === undefined) throw new TypeError(`no such file: ${path}`);
  return new Response(text);
};
// The tests get SharedArrayBuffer from it, and read blobs by the other.
globalThis.WebAssembly = { Memory: class { buffer = new SharedArrayBuffer(0); } };
globalThis.FileReader = class extends EventTarget {
  readAsText(blob) {
    blob.text().then((text) => this.#loaded(text));
  }
  readAsArrayBuffer(blob) {
    blob.arrayBuffer().then((buffer) => this.#loaded(buffer));
  }
  #loaded(result) {
    this.result = result;
    for (const type of ["load", "loadend"]) {
      this.dispatchEvent(new Event(type));
      this[`on${type}`]?.(new Event(type));
    }
  }
};
