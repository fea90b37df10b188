const missing = (name) => async () => {
  throw Object.assign(new Error(`ENOENT: ${name} of node:fs: components in TypeScript have no files`), { code: "ENOENT", errno: -2, syscall: name });
};
export const constants = { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 };
export const [
  readFile, writeFile, appendFile, readdir, stat, lstat, mkdir, rm, unlink, open, access, realpath, copyFile, rename, mkdtemp,
] = [
  "readFile", "writeFile", "appendFile", "readdir", "stat", "lstat", "mkdir", "rm", "unlink", "open", "access", "realpath",
  "copyFile", "rename", "mkdtemp",
].map(missing);
export default { constants, readFile, writeFile, appendFile, readdir, stat, lstat, mkdir, rm, unlink, open, access, realpath, copyFile, rename, mkdtemp };
