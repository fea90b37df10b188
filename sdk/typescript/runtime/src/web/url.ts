// https://url.spec.whatwg.org/#url-class; parsed and changed by the host
import { host, type UrlParts } from "../host";
import { linkedParams, resetParams, type URLSearchParams } from "./url-search-params";
import { wellFormed } from "./well-formed";

export class URL {
  /** See UrlParts: the serialization, and where its parts begin. */
  #parts: UrlParts;
  #params: URLSearchParams | undefined;

  constructor(url: string | URL, base?: string | URL) {
    if (arguments.length === 0) throw new TypeError("new URL takes a URL");
    const input = wellFormed(`${url as string}`);
    const parts = base === undefined ? host.urlParse(input) : host.urlParse(input, wellFormed(`${base as string}`));
    if (!parts) throw new TypeError(`not a URL: ${JSON.stringify(input)}${base === undefined ? "" : ` (base ${JSON.stringify(`${base as string}`)})`}`);
    this.#parts = parts;
  }

  static canParse(url: string | URL, base?: string | URL): boolean {
    return URL.parse(url, base) !== null;
  }

  static parse(url: string | URL, base?: string | URL): URL | null {
    const text = `${url as string}`;
    const baseText = base === undefined ? undefined : `${base as string}`;
    try {
      return new URL(text, baseText);
    } catch {
      return null;
    }
  }

  get href(): string {
    return this.#parts[0];
  }

  set href(value: string) {
    const parts = host.urlParse(wellFormed(`${value}`));
    if (!parts) throw new TypeError(`not a URL: ${JSON.stringify(`${value}`)}`);
    this.#replace(parts);
  }

  get origin(): string {
    return host.urlOrigin(this.#parts[0]);
  }

  get protocol(): string {
    return this.#parts[0].slice(0, this.#parts[1]);
  }

  set protocol(value: string) {
    this.#set("protocol", value);
  }

  get username(): string {
    const [href, scheme, username] = this.#parts;
    return href.startsWith("//", scheme) ? href.slice(scheme + 2, username) : "";
  }

  set username(value: string) {
    this.#set("username", value);
  }

  get password(): string {
    const [href, , username, hostStart] = this.#parts;
    return href[username] === ":" && hostStart > username ? href.slice(username + 1, hostStart - 1) : "";
  }

  set password(value: string) {
    this.#set("password", value);
  }

  get host(): string {
    const [href, , , hostStart, hostEnd, , path] = this.#parts;
    // What lies between is the port, or the `/.` of a path that would look like a host.
    return href.slice(hostStart, href[hostEnd] === ":" ? path : hostEnd);
  }

  set host(value: string) {
    this.#set("host", value);
  }

  get hostname(): string {
    return this.#parts[0].slice(this.#parts[3], this.#parts[4]);
  }

  set hostname(value: string) {
    this.#set("hostname", value);
  }

  get port(): string {
    const port = this.#parts[5];
    return port < 0 ? "" : String(port);
  }

  set port(value: string) {
    this.#set("port", value);
  }

  get pathname(): string {
    const [href, , , , , , path, query, fragment] = this.#parts;
    return href.slice(path, query >= 0 ? query : fragment >= 0 ? fragment : undefined);
  }

  set pathname(value: string) {
    this.#set("pathname", value);
  }

  get search(): string {
    const [href, , , , , , , query, fragment] = this.#parts;
    if (query < 0) return "";
    const search = href.slice(query, fragment >= 0 ? fragment : undefined);
    return search === "?" ? "" : search;
  }

  set search(value: string) {
    this.#set("search", value);
    this.#renewParams();
  }

  get searchParams(): URLSearchParams {
    this.#params ??= linkedParams(this.search.slice(1), (query) => this.#set("search", query));
    return this.#params;
  }

  get hash(): string {
    const [href, , , , , , , , fragment] = this.#parts;
    if (fragment < 0) return "";
    const hash = href.slice(fragment);
    return hash === "#" ? "" : hash;
  }

  set hash(value: string) {
    this.#set("hash", value);
  }

  toString(): string {
    return this.#parts[0];
  }

  toJSON(): string {
    return this.#parts[0];
  }

  get [Symbol.toStringTag](): string {
    return "URL";
  }

  #set(part: string, value: string): void {
    this.#parts = host.urlSet(this.#parts[0], part, wellFormed(`${value}`));
  }

  #replace(parts: UrlParts): void {
    this.#parts = parts;
    this.#renewParams();
  }

  #renewParams(): void {
    if (this.#params) resetParams(this.#params, this.search.slice(1));
  }
}
