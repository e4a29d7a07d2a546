/** `quipu audit dataset NAME`: which runs read a data set, where, and what came out, with proofs. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDigest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { auditDataSet, type Question } from "../../proof/lineage/audit.js";
import { trustPolicyName } from "../../proof/receipt/bundle.js";
import type { Invocation, VerbAction } from "../context.js";
import { closeExport, keepBundle, keptFiles, openExport } from "./export.js";
import { tellAudit } from "./report.js";
import { openSource } from "./source.js";

export const action: VerbAction = async (context, { args, options }) => {
  const question = questionOf(String(args[0]), options);
  if (options.to === undefined) {
    const source = await openSource(context, options);
    return tellAudit(context.output, source, question, await auditDataSet(question, source));
  }
  const folder = String(options.to);
  await openExport(folder);
  if (options.witnesses !== undefined) {
    await copyFile(String(options.witnesses), join(folder, trustPolicyName));
  }
  const source = await openSource(context, options, (read) => keptFiles(read, folder));
  const findings = await auditDataSet(question, source, (leaf, hashes) =>
    keepBundle(folder, source, leaf, hashes),
  );
  await closeExport(folder, source, question, findings);
  context.output.note(`exported; next: quipu audit check ${folder}`);
  return tellAudit(context.output, source, question, findings);
};

function questionOf(dataSet: string, { manifest, neverOutside }: Invocation["options"]): Question {
  return {
    dataSet,
    ...(manifest === undefined ? {} : { manifest: parseDigest(String(manifest)) }),
    ...(neverOutside === undefined ? {} : { neverOutside: countriesOf(String(neverOutside)) }),
  };
}

function countriesOf(text: string): readonly string[] {
  const countries = text.split(",").map((one) => one.trim());
  if (countries.every((one) => /^[A-Z]{2}$/.test(one))) return [...new Set(countries)].sort();
  throw new QuipuError("USAGE", `--never-outside ${text.slice(0, 80)} is no list of countries`, {
    next: "write ISO 3166-1 alpha-2 codes with commas: --never-outside SG,CL",
  });
}
