/** Whether a decision record is the one that a receipt names, and says the same of the run. */
import { sha256, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { parseStrictJson } from "../../base/strict-json.js";
import type { Statement } from "../../model/statement.js";

export const decisionBytesMax = 16 * 1024 * 1024;

/** What was found, as text; else VERIFICATION_FAILED. */
export function checkDecision({ predicate }: Statement, bytes: Uint8Array): string {
  const [named] = predicate.runDetails.byproducts;
  const digest = toHex(sha256(bytes));
  if (named?.digest.sha256 !== digest) {
    throw failed(`it has digest ${digest}, and the receipt names ${named?.digest.sha256}`);
  }
  const decision = parseStrictJson(bytes, "decision record", decisionBytesMax) as {
    readonly jobDigest?: unknown;
    readonly policyDigest?: unknown;
    readonly priceBookDigest?: unknown;
    readonly outcome?: { readonly kind?: unknown; readonly host?: unknown };
  } | null;
  const { run, host, policyDigest } = predicate;
  if (decision?.jobDigest !== run.jobDigest) throw failed("it is about another job");
  if (decision.policyDigest !== policyDigest) throw failed("it was made by other rules");
  if (decision.priceBookDigest !== predicate.priceBookDigest) {
    throw failed("it was made by another price book");
  }
  if (decision.outcome?.kind !== "placed" || decision.outcome.host !== host.name) {
    throw failed(`it did not put the run on ${host.name}`);
  }
  return `the record that put the run on ${host.name}, by rules ${policyDigest}`;
}

function failed(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `the decision record is not this run's: ${why}`);
}
