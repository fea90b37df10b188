// https://nodejs.org/api/stream.html#streams-promises-api
import npm from "readable-stream/lib/ours/browser.js";

export const { finished, pipeline } = npm.promises;
export default { finished, pipeline };
