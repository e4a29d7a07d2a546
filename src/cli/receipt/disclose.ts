/** `quipu receipt disclose JOB --field NAME… --to FOLDER`: some of a receipt's fields, and nothing of the others. */
import { QuipuError } from "../../base/errors.js";
import { askedFields, disclosureSuffix } from "../../proof/receipt/disclosure-file.js";
import type { VerbAction } from "../context.js";
import { faultOf, verifyBundle } from "./check.js";
import { saveFiles } from "./save.js";
import { shownLines } from "./shown.js";

export const action: VerbAction = async (context, { args, options }) => {
  const id = String(args[0]);
  const fields = [...askedFields(options.field as readonly string[])];
  const { log } = await context.coordinator();
  const { files } = await log.discloseReceipt({ id, fields });
  const file = await saveFiles(files, String(options.to), disclosureSuffix);
  if (file === undefined) {
    throw new QuipuError("DATA_INVALID", `the coordinator sent no disclosure of ${id}`);
  }
  const report = await verifyBundle(file);
  const { shown } = report;
  const wrong = faultOf(report);
  if (shown === undefined || wrong !== undefined) {
    const { text = "it shows nothing" } = wrong ?? {};
    throw new QuipuError("VERIFICATION_FAILED", `the disclosure does not verify: ${text}`);
  }
  const value = { file, receipt: shown.receipt, fields: Object.fromEntries(shown.fields) };
  context.output.result(value, () =>
    [...shownLines(shown), `saved ${file}; next: quipu verify ${file}`].join("\n"),
  );
  return 0;
};
