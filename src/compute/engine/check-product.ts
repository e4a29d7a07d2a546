/**
 * Whether what a fast run gave as its one matrix product lies within the error model: the product's operands
 * anew, in canonical arithmetic, and then Freivalds' check, in turns that leave time for others.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { QuipuError } from "../../base/errors.js";
import {
  type CheckOptions,
  checkProducts,
  type ProductReport,
} from "../../proof/audit/freivalds.js";
import { type ProductOptions, productOfRun } from "./product.js";

export interface CheckRunOptions extends ProductOptions, CheckOptions {
  readonly onProgress?: (share: number, activity: string) => void;
}

export interface CheckedRun {
  readonly report: ProductReport;
  readonly inputBytes: number;
}

/**
 * MODEL_UNSUPPORTED where the model is no such product, and LIMIT_EXCEEDED where its operands leave nothing to
 * check: neither says anything of the run.
 */
export async function checkProductOfRun(options: CheckRunOptions): Promise<CheckedRun> {
  const { signal, onProgress } = options;
  onProgress?.(0, "computing the operands");
  const { inputBytes, ...product } = await productOfRun(options);
  onProgress?.(0.5, "checking the product");
  const steps = checkProducts(product, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return { report: requireChecked(step.value), inputBytes };
    await nextTurn();
    signal?.throwIfAborted();
  }
}

function requireChecked(report: ProductReport): ProductReport {
  if (report.unchecked < report.elements || report.elements === 0) return report;
  throw new QuipuError(
    "LIMIT_EXCEEDED",
    "nothing of this product can be checked: its operands are not finite, or so large that sums overflow",
    { next: "look into the job's inputs" },
  );
}
