// The module `rusm`: what the types in ../../../types/rusm.d.ts say.
export { acceptStream, openStream } from "./byte-streams";
export { call, callStream, cast, fetchAction, run } from "./call";
export { CallError } from "./call-error";
export { callback } from "./callback";
export { client, fresh } from "./client";
export { env } from "./environment";
export { join, killGroup, leave, members, publish } from "./groups";
export { process, service, websocket } from "./kinds";
export { Bucket, kv } from "./kv";
export { cancelTimer, receive, send, sendAfter } from "./mail";
export { isPid } from "./pid";
export {
  caller,
  demonitor,
  exit,
  info,
  isAlive,
  kill,
  link,
  monitor,
  processes,
  register,
  self,
  setLabel,
  spawn,
  supervise,
  trapExit,
  unlink,
  unregister,
  whereis,
} from "./process";
export { encodeEvent, sse } from "./sse";
