/** What one host is to a job: kept out by a rule, or worth so much. */
import { QuipuError } from "../../base/errors.js";
import type { Offer } from "../../model/decision.js";
import { exactNumber } from "../../model/egress.js";
import type { HostView } from "../../model/host.js";
import { type FittingDevices, fittingDevices } from "./devices.js";
import { egressOf } from "./egress.js";
import type { Asked, Fault } from "./filter.js";
import { filters } from "./filters.js";
import { fetchOf } from "./locality.js";
import { scoreParts } from "./scores.js";

/** The first rule that keeps it out; `binding` ones do not depend on load. */
export interface KeptOut {
  readonly fault: Required<Pick<Fault, "rule" | "text">> & Pick<Fault, "law">;
  readonly binding: boolean;
  /** The same for all that are kept out in the same words. */
  readonly key: string;
}

export interface Worth extends Pick<Offer, "egress" | "fetch"> {
  readonly score: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly rules: readonly string[];
}

export type Finding = KeptOut | Worth;

export function findingOf(asked: Asked, host: HostView): Finding {
  let fitting: FittingDevices | undefined;
  const devices = () => {
    fitting ??= fittingDevices(asked, host);
    return fitting;
  };
  for (const { rule, binding, check } of filters) {
    const fault = check(asked, host, devices);
    if (fault === undefined) continue;
    return { fault: { rule, ...fault }, binding, key: `${fault.rule ?? rule} ${fault.text}` };
  }
  const { best } = devices();
  const verdict = asked.verdict(host);
  if (best.length === 0 || !verdict.allowed) {
    throw new QuipuError("INTERNAL", `host ${host.name} passed every filter and does not fit`);
  }
  const { job, book } = asked;
  const egress = egressOf(asked, host);
  const fetch = fetchOf(asked, host);
  const parts = scoreParts({ job, host, devices: best, book, egress, fetch });
  const score = Object.values(parts).reduce((sum, part) => sum + part, 0);
  const brings = fetch === undefined ? {} : { fetch };
  const worth = { score, parts, rules: verdict.rules, ...brings };
  if (egress === undefined || book === undefined) return worth;
  return { ...worth, egress: { currency: book.currency, nanos: exactNumber(egress) } };
}
