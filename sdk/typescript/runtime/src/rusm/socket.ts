import { host } from "../host";
import { toBytes, type BufferSource } from "../web/bytes";
import type { Headers } from "../web/headers";
import { connectionInfo } from "./connection";
import { wellFormed } from "../web/well-formed";

/** The WebSocket of this process. */
export class Socket {
  /** Text or bytes; false once the client is gone. A slow client makes it wait. */
  send(data: string | BufferSource): boolean {
    return typeof data === "string" ? host.wsSendText(wellFormed(data)) : host.wsSendBinary(toBytes(data));
  }

  /** RFC 6455, section 7.4: 1000, 1001, 1003, 1007 to 1014, 3000 to 4999. */
  close(code = 1000, reason = ""): void {
    host.wsClose(code, reason);
  }

  get url(): string {
    return connectionInfo.url;
  }

  get params(): Record<string, string> {
    return connectionInfo.params;
  }

  get headers(): Headers {
    return connectionInfo.headers;
  }

  get remoteAddr(): string {
    return connectionInfo.remoteAddr;
  }

  get subprotocol(): string | undefined {
    return connectionInfo.subprotocol;
  }
}

export const socket = new Socket();
