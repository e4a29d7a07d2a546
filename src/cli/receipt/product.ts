/** Of a fast run, whose bits nobody can compare: whether its one matrix product lies within the error model. */
import { basename } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { checkProductOfRun } from "../../compute/engine/check-product.js";
import { outputFileName } from "../../compute/engine/output-file.js";
import type { JobSpec, TensorTask } from "../../model/job.js";
import type { Statement } from "../../model/statement.js";
import type { ProductReport } from "../../proof/audit/freivalds.js";
import type { FastFormat } from "../../proof/audit/product-error.js";
import type { RerunOptions } from "./rerun.js";
import { requireDataSet, requireModel } from "./stated-run.js";

type FastTask = TensorTask & { readonly fast: FastFormat };

interface ProductOptions extends RerunOptions {
  readonly task: FastTask;
  /** The run's file of outputs, which has the digest that was signed. */
  readonly outputPath: string;
  readonly rounds: number;
  readonly seed: string;
}

export interface ProductFacts extends ProductReport {
  readonly format: FastFormat;
  readonly seed: string;
}

/** The task of a run whose products were rounded; another's bits are compared. */
export function fastTask({ task }: JobSpec, { predicate }: Statement): FastTask | undefined {
  if (predicate.execution?.determinism !== "none" || task.driver !== "tensor") return undefined;
  return task.fast === undefined ? undefined : { ...task, fast: task.fast };
}

/** Of the files that were given as outputs of the run, the one with its tensors. */
export function claimedOutputs({ fast }: FastTask, files: unknown): string {
  const given = (files as readonly string[] | undefined) ?? [];
  const found = given.find((path) => basename(path) === outputFileName);
  if (found !== undefined) return found;
  const why = `this run rounded its matrix products to ${fast}, so that other bits prove nothing`;
  throw new QuipuError("USAGE", `${why}; what it gave can be checked against its inputs`, {
    next: `give the ${outputFileName} of the run with --file`,
  });
}

export async function checkFastRun(job: JobSpec, options: ProductOptions): Promise<ProductFacts> {
  const { task, statement, dataFolder, outputPath, backend, rounds, seed, signal } = options;
  const { fast: format } = task;
  await requireDataSet(job, statement, dataFolder, signal);
  const modelPath = await requireModel(task, statement, options.modelPath);
  const found = { task, modelPath, dataFolder, outputPath, backend, signal };
  const { report } = await checkProductOfRun({ ...found, format, rounds, seed }).catch(
    (thrown: unknown) => {
      throw notComparable(thrown, format);
    },
  );
  return { ...report, format, seed };
}

function notComparable(thrown: unknown, format: FastFormat): unknown {
  if (!(thrown instanceof QuipuError) || thrown.code !== "MODEL_UNSUPPORTED") return thrown;
  const why = `this run rounded its matrix products to ${format}, so that its bits cannot be compared`;
  return new QuipuError("MODEL_UNSUPPORTED", `${why}, nor its result checked: ${thrown.message}`, {
    next: "run such a model without fast, where its results should be checked by running it again",
    cause: thrown,
  });
}
