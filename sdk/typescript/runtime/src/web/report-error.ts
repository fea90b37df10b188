// https://html.spec.whatwg.org/#report-the-exception: here the operator's log
import { host } from "../host";
import { errorText } from "./describe-error";

export function reportError(error: unknown): void {
  host.log("error", `uncaught ${errorText(error)}`);
}
