/** The last step of a run: from its facts to the signed envelope that leaves the host. */
import type { Signer } from "../../base/signature.js";
import type { RunFacts } from "../../model/run.js";
import { sealEnvelope } from "./envelope.js";
import { buildStatement } from "./statement.js";

export function sealReceipt(facts: RunFacts, signer: Signer): Uint8Array {
  return sealEnvelope(buildStatement(facts), signer);
}
