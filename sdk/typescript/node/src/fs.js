// Components have no files in TypeScript: each function says so.
import promises from "./fs-promises.js";

const missing = (name) => () => {
  throw Object.assign(new Error(`ENOENT: ${name} of node:fs: components in TypeScript have no files`), { code: "ENOENT", errno: -2, syscall: name });
};
const later = (name) => (...args) => {
  const done = args.at(-1);
  if (typeof done !== "function") return missing(name)();
  try {
    missing(name)();
  } catch (error) {
    queueMicrotask(() => done(error));
  }
};
export const constants = { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 };
export const existsSync = () => false;
export const exists = (_path, done) => queueMicrotask(() => done(false));
export const [
  readFileSync, writeFileSync, appendFileSync, readdirSync, statSync, lstatSync, mkdirSync, rmSync, unlinkSync, openSync,
  closeSync, readSync, writeSync, accessSync, realpathSync, createReadStream, createWriteStream, watch, copyFileSync,
  renameSync, mkdtempSync, readlinkSync, fstatSync,
] = [
  "readFileSync", "writeFileSync", "appendFileSync", "readdirSync", "statSync", "lstatSync", "mkdirSync", "rmSync",
  "unlinkSync", "openSync", "closeSync", "readSync", "writeSync", "accessSync", "realpathSync", "createReadStream",
  "createWriteStream", "watch", "copyFileSync", "renameSync", "mkdtempSync", "readlinkSync", "fstatSync",
].map(missing);
export const [
  readFile, writeFile, appendFile, readdir, stat, lstat, mkdir, rm, unlink, open, close, read, write, access, realpath,
  copyFile, rename, fstat,
] = [
  "readFile", "writeFile", "appendFile", "readdir", "stat", "lstat", "mkdir", "rm", "unlink", "open", "close", "read",
  "write", "access", "realpath", "copyFile", "rename", "fstat",
].map(later);
export { promises };
export default {
  constants, existsSync, exists, promises, readFileSync, writeFileSync, appendFileSync, readdirSync, statSync, lstatSync,
  mkdirSync, rmSync, unlinkSync, openSync, closeSync, readSync, writeSync, accessSync, realpathSync, createReadStream,
  createWriteStream, watch, copyFileSync, renameSync, mkdtempSync, readlinkSync, fstatSync, readFile, writeFile,
  appendFile, readdir, stat, lstat, mkdir, rm, unlink, open, close, read, write, access, realpath, copyFile, rename, fstat,
};
