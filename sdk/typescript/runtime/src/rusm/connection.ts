import { host, type ConnectionInfo } from "../host";
import { Headers, lazyHeaders } from "../web/headers";
import { incomingUrl } from "../web/request";

let known: ConnectionInfo | undefined;

/** The request of the connection that this process serves, asked for once. */
function connection(): ConnectionInfo {
  known ??= host.connection() ?? { method: "", path: "", query: "", params: [], headers: [], remoteAddr: "", subprotocol: undefined };
  return known;
}

export function pairs(flat: string[]): Record<string, string> {
  // No prototype: a capture may have any name.
  const record = Object.create(null) as Record<string, string>;
  for (let i = 0; i < flat.length; i += 2) record[flat[i]!] = flat[i + 1]!;
  return record;
}

let url: string | undefined;
let headers: Headers | undefined;
let params: Record<string, string> | undefined;

export const connectionInfo = {
  get headers(): Headers {
    return (headers ??= lazyHeaders(() => connection().headers));
  },
  get params(): Record<string, string> {
    return (params ??= pairs(connection().params));
  },
  get url(): string {
    const { path, query } = connection();
    return (url ??= incomingUrl(connectionInfo.headers.get("host"), query ? `${path}?${query}` : path));
  },
  get remoteAddr(): string {
    return connection().remoteAddr;
  },
  get subprotocol(): string | undefined {
    return connection().subprotocol;
  },
};
