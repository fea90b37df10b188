import type { Host } from "../host";

export type { ConnectionInfo, Fetched, Host, HostMail, HostProcessInfo, Runner, UrlParts } from "../host";

const scope = globalThis as { __host?: Host };

/** What the runner offers, which an author's code can't reach but by what stands upon it. */
export const host: Host = scope.__host!;
delete scope.__host;
