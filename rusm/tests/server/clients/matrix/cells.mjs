// A row of the matrix (`matrix.rs`): what one client does on each way to the server.
//
// `SCRIPT NAME WAY=PORT...` prints a line for each cell: the way, the kind, the size, and `ok` or what went wrong.
const [name, ...ways] = process.argv.slice(2);

export const SIZES = [1, 28 << 10, 64 << 10, 1 << 20];
export const TOO_LARGE = 16_000_000;
// The room whose feed begins with this event, and then waits.
export const FEED = "/feed/matrix";
export const EVENT = "hello from the matrix";

export const WAYS = ways.map((way) => {
  const [name, port] = way.split("=");
  return { name, port, http: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}` };
});

/** The path of the echo, with a query by which the access log tells what this was. */
export const echo = (way, kind) => `/echo?${name}-${way.name}-${kind}`;

export const body = (size) => Buffer.alloc(size, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
export const text = (size) => "0123456789 ".repeat(size / 11 + 1).slice(0, size);

export async function cell(way, kind, size, attempt) {
  // Longer than anything takes that works, on a busy machine.
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("it takes too long")), 30_000);
  });
  try {
    await Promise.race([attempt(), late]);
    console.log(way.name, kind, size, "ok");
  } catch (error) {
    const why = `${error}${error.cause ? `: ${error.cause}` : ""}`;
    console.log(way.name, kind, size, why.slice(0, 300).replaceAll("\n", " "));
  }
  clearTimeout(timer);
}

export function same(came, sent) {
  came = Buffer.from(came);
  if (came.equals(Buffer.from(sent))) return;
  const begins = JSON.stringify(came.toString("latin1", 0, 40));
  throw new Error(`${came.length} bytes came back of ${sent.length}: ${begins}`);
}
