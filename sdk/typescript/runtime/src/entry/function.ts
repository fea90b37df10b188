import { host } from "../host";
import { start } from "../build-time";
import { answerAfterCallbacks, endCallbacks } from "../rusm/callback";
import type { ServiceDefinition } from "../rusm/kinds";
import type { Mail } from "../rusm/mail";
import { encodeValue, itemChunk } from "../rusm/wire";
import { errorText, headline, isError } from "../web/describe-error";
import { inspect } from "../web/inspect";
import { drain, endWith, fail } from "./event-loop";

/** Names of a definition that are no functions to be called. */
const RESERVED = new Set(["init", "onMail"]);

export function functionNames(definition: ServiceDefinition): string[] {
  return Object.keys(definition).filter((name) => typeof definition[name] === "function" && !RESERVED.has(name));
}

/** What `init` gave, once it was called. */
let ready: Promise<unknown> | undefined;

/** The service has started: its timers run from here on. */
export function runInit(definition: ServiceDefinition): void {
  start();
  (async () => {
    await initialized(definition);
    await takeMail(definition);
    endWith(host.finish);
  })().catch(fail);
}

export function runFunction(definition: ServiceDefinition, name: string, args: string): void {
  start();
  answerFunction(definition, name, args).catch(fail);
}

export function runOnMail(definition: ServiceDefinition, mail: Mail): void {
  start();
  const take = (each: Mail): unknown => definition.onMail?.(each);
  (async () => {
    await initialized(definition);
    await take(mail);
    await drain(take);
    endWith(host.finish);
  })().catch(fail);
}

async function answerFunction(definition: ServiceDefinition, name: string, args: string): Promise<void> {
  let json: string;
  try {
    if (definition.init) await initialized(definition);
    const given: unknown = JSON.parse(args);
    if (!Array.isArray(given)) throw new TypeError(`the arguments of \`${name}\` are no JSON array`);
    const result = await (definition[name] as (...args: unknown[]) => unknown).apply(definition, given);
    if (isIterator(result)) json = await writeItems(name, result);
    else json = answerAfterCallbacks(result) ? "" : encodeValue(result);
  } catch (error) {
    endCallbacks();
    await takeMail(definition);
    if (isBug(error)) host.log("error", `${name}: ${errorText(error)}`);
    endWith(() => host.failFunction(said(error)));
    return;
  }
  await takeMail(definition);
  endWith(() => host.answerFunction(json));
}

async function initialized(definition: ServiceDefinition): Promise<void> {
  ready ??= Promise.resolve(definition.init?.()).catch((error: unknown) => {
    host.log("error", `init: ${errorText(error)}`);
    // Another process, with another try, takes its place.
    host.exit("init failed");
  });
  await ready;
}

function takeMail(definition: ServiceDefinition): Promise<void> | undefined {
  return definition.onMail && drain((mail) => definition.onMail?.(mail));
}

type Items = AsyncIterator<unknown> | Iterator<unknown>;

/** A generator's object: an array and a map are values. */
function isIterator(value: unknown): value is Items {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { next?: unknown }).next === "function" &&
    (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}

/** The answer is the stream: the items go where the caller reads them, until they end or it has gone. */
async function writeItems(name: string, items: Items): Promise<string> {
  const stream = host.replyStream();
  if (stream === undefined) throw new TypeError(`\`${name}\` answers with a stream: call it by callStream`);
  for (let next = await items.next(); !next.done; next = await items.next()) {
    if (!host.streamWrite(stream, itemChunk(next.value))) {
      await items.return?.();
      break;
    }
  }
  return "";
}

/** An error of the engine's is most likely none that the author meant for the caller: the log has its stack. */
function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError || !isError(error);
}

function said(error: unknown): string {
  if (!isError(error)) return inspect(error);
  return error.name === "Error" ? error.message : headline(error);
}
