/** `quipu receipt export JOB… --to FOLDER`: receipts of many jobs in one folder, with all that checks them. */
import { errorCodes } from "../../base/errors.js";
import type { VerbAction } from "../context.js";
import { type Column, printable } from "../table.js";
import { verifyBundle } from "./check.js";
import { saveReceipt } from "./save.js";

export const action: VerbAction = async (context, { args, options }) => {
  const folder = String(options.to);
  const receipts: { job: string; file: string; ok: boolean; fault: string | null }[] = [];
  for (const job of args) {
    context.signal.throwIfAborted();
    const file = await saveReceipt(context, job, folder);
    const { ok, firstFailed } = await verifyBundle(file);
    receipts.push({ job, file, ok, fault: firstFailed?.text ?? null });
  }
  const columns: readonly Column<(typeof receipts)[number]>[] = [
    { title: "JOB", cell: ({ job }) => job },
    {
      title: "VERIFIES",
      cell: ({ fault }) => (fault === null ? "yes" : `NO: ${printable(fault)}`),
    },
    { title: "FILE", cell: ({ file }) => file },
  ];
  context.output.table({ folder, receipts }, receipts, columns, "no job was named");
  return receipts.every(({ ok }) => ok) ? 0 : errorCodes.VERIFICATION_FAILED.exit;
};
