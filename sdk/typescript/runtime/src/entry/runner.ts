import { host, type HostMail, type Runner } from "../host";
import { allowHost, start } from "../build-time";
import { toMail } from "../rusm/mail";
import { runAction } from "./action";
import { allowClock } from "./build-clock";
import { describe, toComponent, type Component } from "./describe";
import { isAlarm } from "./alarm";
import { fail, runTimers, turn } from "./event-loop";
import { runFunction, runInit, runOnMail } from "./function";
import { noteRejection, reportRejections } from "../web/rejections";
import { runClose, runMessage, runOpen, runSocketMail } from "./websocket";

let component: Component;

/** See host.d.ts. */
export const runner: Runner = {
  describe(namespace) {
    component = toComponent(namespace as Record<string, unknown>);
    reportRejections();
    allowClock();
    allowHost();
    return describe(component);
  },

  action(index, method, target) {
    if (component.kind !== "handler") return wrong("an action");
    runAction(component.actions[index]!, method, target);
  },

  function(index, args) {
    if (component.kind !== "service") return wrong("a function");
    runFunction(component.definition, component.functions[index]!, args);
  },

  serviceInit() {
    if (component.kind !== "service") return wrong("a service");
    runInit(component.definition);
  },

  websocketOpen() {
    if (component.kind !== "websocket") return wrong("a WebSocket");
    runOpen(component.definition);
  },

  websocketMessage(data) {
    if (component.kind !== "websocket") return wrong("a WebSocket");
    runMessage(component.definition, data);
  },

  websocketClose(code, reason) {
    if (component.kind !== "websocket") return wrong("a WebSocket");
    runClose(component.definition, code, reason);
  },

  onMail(mail: HostMail) {
    if (isAlarm(mail)) runTimers();
    else if (component.kind === "service") runOnMail(component.definition, toMail(mail));
    else if (component.kind === "websocket") runSocketMail(component.definition, mail);
    else wrong("mail");
  },

  run() {
    if (component.kind !== "process") return wrong("a process");
    start();
    const { main } = component;
    (async () => {
      await main();
      host.finish();
    })().catch(fail);
  },

  turn,

  rejection: noteRejection,

  reportRejections,
};

function wrong(entry: string): void {
  host.fail(`this component is a ${component.kind}, which is not entered as ${entry}`);
}
