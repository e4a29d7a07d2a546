/** `quipu audit check FOLDER`: makes an exported audit again, offline, and demands the same findings. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { auditDataSet } from "../../proof/lineage/audit.js";
import { trustPolicyName } from "../../proof/receipt/bundle.js";
import type { VerbAction } from "../context.js";
import { heldFolder, logFolder, readExport } from "./export.js";
import { tellAudit } from "./report.js";
import { openSource } from "./source.js";

export const action: VerbAction = async (context, { args, options }) => {
  const folder = String(args[0]);
  const { logKey, question, findings } = await readExport(folder);
  const beside = join(folder, trustPolicyName);
  const source = await openSource(context, {
    held: heldFolder(folder),
    log: logFolder(folder),
    logKey: options.logKey,
    keyBeside: logKey,
    noticeKey: options.noticeKey,
    witnesses: options.witnesses ?? (existsSync(beside) ? beside : undefined),
  });
  const found = await auditDataSet(question, source);
  if (canonicalJson(found) !== canonicalJson(findings)) {
    throw new QuipuError("VERIFICATION_FAILED", "audit.json says other than its proofs do", {
      next: "audit the log itself with `quipu audit dataset`",
    });
  }
  return tellAudit(context.output, source, question, found);
};
