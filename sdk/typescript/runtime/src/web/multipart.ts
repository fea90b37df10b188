// RFC 7578, as https://html.spec.whatwg.org/#multipart-form-data and
// https://fetch.spec.whatwg.org/#body-mixin have it.
import { Blob, blobBytes, File } from "./blob";
import { concat } from "./bytes";
import { FormData } from "./form-data";
import { decodeUtf8, encodeUtf8 } from "./text";

export function encodeMultipart(form: FormData, boundary: string): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (const [name, value] of form) {
    let head = `--${boundary}\r\nContent-Disposition: form-data; name="${escape(name.replace(/\r\n?|\n/g, "\r\n"))}"`;
    if (value instanceof Blob) {
      head += `; filename="${escape(value.name)}"\r\nContent-Type: ${value.type || "application/octet-stream"}`;
      chunks.push(encodeUtf8(`${head}\r\n\r\n`), blobBytes(value), encodeUtf8("\r\n"));
    } else {
      chunks.push(encodeUtf8(`${head}\r\n\r\n${value.replace(/\r\n?|\n/g, "\r\n")}\r\n`));
    }
  }
  chunks.push(encodeUtf8(`--${boundary}--\r\n`));
  return concat(chunks);
}

/** Throws a TypeError if it is not what the boundary says. */
export function parseMultipart(bytes: Uint8Array, boundary: string): FormData {
  const form = new FormData();
  const delimiter = encodeUtf8(`--${boundary}`);
  let at = indexOf(bytes, delimiter, 0);
  // A preamble is allowed, and ignored (RFC 2046, section 5.1.1).
  if (at === -1 || (at > 0 && bytes[at - 1] !== LF)) throw malformed("its boundary is not in it");
  at += delimiter.length;
  const next = encodeUtf8(`\r\n--${boundary}`);
  for (;;) {
    if (bytes[at] === DASH && bytes[at + 1] === DASH) return form;
    while (bytes[at] === SPACE || bytes[at] === TAB) at++;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) throw malformed("a boundary does not end its line");
    at += 2;
    const bodyEnd = indexOf(bytes, next, at - 2);
    if (bodyEnd === -1) throw malformed("its last boundary is missing");
    const headEnd = indexOf(bytes, BLANK, at - 2);
    if (headEnd === -1 || headEnd > bodyEnd) throw malformed("a part has no end of its headers");
    const head = headEnd < at ? "" : decodeUtf8(bytes.subarray(at, headEnd));
    append(form, head, bytes.subarray(headEnd + 4, bodyEnd));
    at = bodyEnd + next.length;
  }
}

function append(form: FormData, head: string, content: Uint8Array): void {
  let disposition: string | undefined;
  let type: string | undefined;
  // A field may go on in the next line (RFC 5322, section 2.2.3).
  for (const line of head.replace(/\r\n[ \t]+/g, " ").split("\r\n")) {
    const colon = line.indexOf(":");
    const field = line.slice(0, colon).trim().toLowerCase();
    if (field === "content-disposition") disposition = line.slice(colon + 1).trim();
    else if (field === "content-type") type = line.slice(colon + 1).trim();
  }
  if (!disposition || !/^form-data\s*(;|$)/i.test(disposition)) throw malformed("a part is no form-data");
  const given = parameters(disposition);
  const name = given.get("name");
  if (name === undefined) throw malformed("a part has no name");
  const filename = extended(given.get("filename*")) ?? given.get("filename");
  if (filename === undefined) form.append(name, decodeUtf8(content));
  else form.append(name, new File([content], filename, { type: type ?? "text/plain" }));
}

/** The parameters of a field, by their names in lower case; of one that comes twice the first. */
function parameters(disposition: string): Map<string, string> {
  const found = new Map<string, string>();
  PARAMETER.lastIndex = 0;
  for (let match = PARAMETER.exec(disposition); match; match = PARAMETER.exec(disposition)) {
    const name = match[1]!.toLowerCase();
    const value = match[2]?.replace(/\\(["\\])/g, "$1") ?? match[3]!;
    if (!found.has(name)) found.set(name, value.replace(/%0A/gi, "\n").replace(/%0D/gi, "\r").replace(/%22/g, '"'));
  }
  return found;
}

/**
 * A quoted value ends at a quote that no backslash escapes, or that ends the field or the parameter: browsers
 * write a backslash at the end of a name as it is.
 */
const PARAMETER = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:\\"(?!\s*(?:;|$))|[^"])*)"|([^\s;"]*))/g;

/** RFC 8187, section 3.2; undefined if it is none. */
function extended(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? "")?.[1];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function escape(name: string): string {
  return name.replace(/\n/g, "%0A").replace(/\r/g, "%0D").replace(/"/g, "%22");
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const first = wanted[0]!;
  for (let at = bytes.indexOf(first, from); at !== -1; at = bytes.indexOf(first, at + 1)) {
    let same = 1;
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++;
    if (same === wanted.length) return at;
  }
  return -1;
}

function malformed(why: string): TypeError {
  return new TypeError(`this multipart/form-data is malformed: ${why}`);
}

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;
const DASH = 45;
const BLANK = Uint8Array.of(CR, LF, CR, LF);
