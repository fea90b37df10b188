// https://nodejs.org/api/path.html: POSIX paths
import npm from "path-browserify";

export const { resolve, normalize, isAbsolute, join, relative, dirname, basename, extname, format, parse, sep, delimiter } = npm;
export const toNamespacedPath = (path) => path;
const posix = { ...npm, toNamespacedPath, win32: null };
posix.posix = posix;
export { posix };
export default posix;
