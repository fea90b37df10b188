// https://nodejs.org/api/url.html
import npm from "url";

export const { parse, resolve, resolveObject, format: legacyFormat, Url } = npm;
export const { URL, URLSearchParams } = globalThis;
export const format = (url, options = {}) => {
  if (!(url instanceof URL)) return legacyFormat(url);
  const shown = new URL(url.href);
  if (options.fragment === false) shown.hash = "";
  if (options.search === false) shown.search = "";
  if (options.auth === false) shown.username = shown.password = "";
  return shown.href;
};
export const fileURLToPath = (given) => {
  const url = given instanceof URL ? given : new URL(given);
  if (url.protocol !== "file:") throw new TypeError("The URL must be of scheme file");
  if (/%2f/i.test(url.pathname)) throw new TypeError("File URL path must not include encoded / characters");
  return decodeURIComponent(url.pathname);
};
export const pathToFileURL = (path) => {
  const url = new URL("file:///");
  url.pathname = (path.startsWith("/") ? path : `/${path}`).replace(/[%\\\n\r\t?#]/g, encodeURIComponent);
  return url;
};
export const domainToASCII = (domain) => {
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return "";
  }
};
export const domainToUnicode = (domain) => domain;
export const urlToHttpOptions = (url) => ({
  protocol: url.protocol,
  hostname: url.hostname,
  hash: url.hash,
  search: url.search,
  pathname: url.pathname,
  path: `${url.pathname}${url.search}`,
  href: url.href,
  ...(url.port && { port: Number(url.port) }),
  ...((url.username || url.password) && { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
});
export default { parse, resolve, resolveObject, Url, URL, URLSearchParams, format, fileURLToPath, pathToFileURL, domainToASCII, domainToUnicode, urlToHttpOptions };
