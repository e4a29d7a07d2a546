import { QuipuError } from "../../base/errors.js";
import type { LogService } from "../../gen/quipu/v1/log_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { trustFiles } from "../../proof/receipt/bundle.js";
import { checkDisclosure } from "../../proof/receipt/disclosure.js";
import {
  askedFields,
  disclosureFile,
  disclosureSuffix,
} from "../../proof/receipt/disclosure-file.js";
import { entryBytes, parseEnvelope, receiptKeyId } from "../../proof/receipt/envelope.js";
import { parseStatement } from "../../proof/receipt/statement.js";
import { fullKeyId } from "../../proof/tlog/verifier-key.js";
import { revocationId } from "../log/host-keys.js";
import { findJob } from "./get-job.js";
import { loggedReceipt } from "./get-receipt.js";
import type { Durable } from "./log-service.js";

/** The seed stays here: what it hides is known only to who may ask for the receipt. */
export function discloseReceipt(core: Durable): Handlers<typeof LogService>["discloseReceipt"] {
  return async ({ id, fields }) => {
    const { store, log } = core.ports;
    const shown = askedFields(fields);
    const job = await findJob(core, (await store.runs.get(id))?.jobId ?? id);
    if (id === job.id && (await store.notices.get(id)) !== undefined) {
      throw new QuipuError("NOT_FOUND", `no host has signed for the end of job ${id}`, {
        next: `the coordinator did, and hides nothing: \`quipu receipt show ${id}\``,
      });
    }
    const runId = id === job.id ? job.runId : id;
    const { run, disclosure, logIndex, ...kept } = await loggedReceipt(core, runId, job);
    if (disclosure === undefined) {
      throw new QuipuError("NOT_FOUND", `host ${run.host} signed no disclosure of run ${runId}`, {
        next: "its agent is of a version before; only the whole receipt can be shown",
      });
    }
    if ((await store.notices.get(revocationId(receiptKeyId(run.receiptKey)))) !== undefined) {
      throw new QuipuError("CONFLICT", `the key of host ${run.host} that signed it was revoked`, {
        next: "nobody could see that a disclosure is older than that; show the receipt itself",
      });
    }
    const envelope = parseEnvelope(kept.envelope);
    const receipt = { envelope, statement: parseStatement(envelope.payload) };
    checkDisclosure(disclosure, receipt, run.receiptKey);
    const bundle = {
      envelope: parseEnvelope(disclosure.envelope),
      logKeyId: fullKeyId(log.verifierKey),
      entry: entryBytes(envelope, run.receiptKey),
      proof: await log.inclusion(logIndex),
    };
    const content = await disclosureFile(bundle, receipt, disclosure.seed, shown);
    // The name goes where the file goes, so it tells only what the file tells: not the job, nor the run.
    const files = [
      { name: `entry-${logIndex}${disclosureSuffix}`, content },
      ...trustFiles(run.receiptKey, log),
    ];
    return { files, logIndex: BigInt(logIndex) };
  };
}
