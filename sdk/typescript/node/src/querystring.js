// https://nodejs.org/api/querystring.html
import npm from "querystring-es3";

export const { parse, stringify, decode, encode } = npm;
export const escape = encodeURIComponent;
export const unescape = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
export default { parse, stringify, decode, encode, escape, unescape };
