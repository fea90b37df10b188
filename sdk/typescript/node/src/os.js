// https://nodejs.org/api/os.html: a component sees nothing of the machine
export const EOL = "\n";
export const devNull = "/dev/null";
export const arch = () => "wasm32";
export const machine = arch;
export const platform = () => "linux";
export const type = () => "Linux";
export const release = () => "";
export const version = release;
export const hostname = () => "localhost";
export const homedir = () => "/";
export const tmpdir = () => "/tmp";
export const endianness = () => "LE";
export const cpus = () => [];
export const availableParallelism = () => 1;
export const loadavg = () => [0, 0, 0];
export const networkInterfaces = () => ({});
export const totalmem = () => 0;
export const freemem = totalmem;
export const uptime = () => performance.now() / 1000;
export const userInfo = () => {
  throw new Error("userInfo of node:os: components don't have it");
};
export const constants = { signals: {}, errno: {}, priority: {} };
export default {
  EOL, devNull, arch, machine, platform, type, release, version, hostname, homedir, tmpdir, endianness, cpus,
  availableParallelism, loadavg, networkInterfaces, totalmem, freemem, uptime, userInfo, constants,
};
