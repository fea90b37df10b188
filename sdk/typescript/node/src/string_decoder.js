// https://nodejs.org/api/string_decoder.html
import npm from "string_decoder";

export const { StringDecoder } = npm;
export default npm;
