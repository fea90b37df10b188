// The web platform's names, as an author's code finds them.
import { AbortController, AbortSignal } from "./web/abort";
import { Blob, File } from "./web/blob";
import { console } from "./web/console";
import { Crypto } from "./web/crypto";
import { CustomEvent, Event } from "./web/event";
import { EventTarget } from "./web/event-target";
import { fetch, USER_AGENT } from "./web/fetch";
import { ErrorEvent, PromiseRejectionEvent } from "./web/error-events";
import { defineHandlers, globalTarget } from "./web/global-events";
import { FormData } from "./web/form-data";
import { Headers } from "./web/headers";
import { Performance } from "./web/performance";
import { MessageChannel, MessageEvent, MessagePort } from "./web/message-channel";
import { queueMicrotask, reportError } from "./web/report-error";
import { Request } from "./web/request";
import { Response } from "./web/response";
import * as streams from "./web/streams";
import { structuredClone } from "./web/structured-clone";
import { CryptoKey, SubtleCrypto } from "./web/subtle";
import { TextDecoder, TextEncoder } from "./web/text";
import { TextDecoderStream, TextEncoderStream } from "./web/text-streams";
import { clearTimer, setInterval, setTimeout } from "./web/timers";
import { URL } from "./web/url";
import { URLSearchParams } from "./web/url-search-params";

const { isDisturbed: _, readAll: __, streamOf: ___, ...streamClasses } = streams;

/** Classes and objects: not enumerable, as Web IDL has it. */
const hidden: Record<string, unknown> = {
  AbortController,
  AbortSignal,
  Blob,
  Crypto,
  CryptoKey,
  CustomEvent,
  ErrorEvent,
  Event,
  EventTarget,
  File,
  FormData,
  Headers,
  MessageChannel,
  MessageEvent,
  MessagePort,
  Performance,
  PromiseRejectionEvent,
  Request,
  Response,
  SubtleCrypto,
  TextDecoder,
  TextDecoderStream,
  TextEncoder,
  TextEncoderStream,
  URL,
  URLSearchParams,
  ...streamClasses,
  console,
};

const visible: Record<string, unknown> = {
  ...globalTarget,
  clearInterval: (id?: unknown): void => clearTimer(id),
  clearTimeout: (id?: unknown): void => clearTimer(id),
  crypto: new Crypto(),
  fetch,
  navigator: { userAgent: USER_AGENT, hardwareConcurrency: 1 },
  performance: new Performance(),
  queueMicrotask,
  reportError,
  self: globalThis,
  setInterval,
  setTimeout,
  structuredClone,
};

export function defineGlobals(): void {
  defineHandlers();
  for (const [names, enumerable] of [[hidden, false], [visible, true]] as const) {
    for (const name of Object.keys(names)) {
      Object.defineProperty(globalThis, name, { value: names[name], writable: true, enumerable, configurable: true });
    }
  }
}
