/** What a receipt says of the run: its job, what it read, and whether that is what is given here. */
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { hashTree } from "../../compute/native/hashing.js";
import { type JobSpec, jobSpec, type TensorTask } from "../../model/job.js";
import { manifestDigest } from "../../model/manifest.js";
import type { Statement } from "../../model/statement.js";
import { jobOf } from "../../proof/receipt/statement.js";
import { digestOfFile } from "../artifact/file-digest.js";
import type { RunHere } from "./lawful-here.js";

/**
 * What ran and what it read. Throws INVALID_ARGUMENT for a job that this program does not know: the verifier
 * does not look into it, and it may be of a version that came later.
 */
export function runIn(statement: Statement): RunHere {
  const read = jobSpec.safeParse(jobOf(statement));
  if (read.success) {
    const [data] = dependenciesOf(statement).filter((one) => "name" in one);
    return { job: read.data, manifestDigest: data && `sha256:${data.digest.sha256}` };
  }
  const fault = read.error.issues[0];
  throw new QuipuError(
    "INVALID_ARGUMENT",
    `this program cannot run the receipt's job: ${fault?.path.join(".")}: ${fault?.message}`,
    { next: "run it again with the version of Quipu that the receipt names" },
  );
}

/** Digest of the folder's manifest, which is that of the run's data set. */
export async function requireDataSet(
  { dataSet }: JobSpec,
  statement: Statement,
  dataFolder: string,
  signal: AbortSignal,
): Promise<Digest> {
  const { manifest } = await hashTree(dataFolder, { signal });
  const digest = manifestDigest(manifest);
  const manifests = dependenciesOf(statement).filter((one) => "name" in one);
  const given = manifests.filter(({ name }) => name === dataSet);
  requireOneOf(given, digest, `the folder ${dataFolder}`);
  return digest;
}

/** The path of the model file, which is the one that ran. */
export async function requireModel(
  task: TensorTask,
  statement: Statement,
  modelPath: string | undefined,
): Promise<string> {
  if (modelPath === undefined) {
    throw new QuipuError("USAGE", "the job ran a model", { next: "give its file with --model" });
  }
  const model = (await digestOfFile(modelPath)).digest;
  // The job's own model, and not only something that the signer says was used.
  const used = model === task.model ? dependenciesOf(statement) : [];
  requireOneOf(used, model, `the model ${modelPath}`);
  return modelPath;
}

function dependenciesOf({ predicate }: Statement) {
  return predicate.buildDefinition.resolvedDependencies;
}

/** Other inputs would give other bits and prove nothing. */
function requireOneOf(
  dependencies: readonly { readonly digest: { readonly sha256: string } }[],
  digest: Digest,
  what: string,
): void {
  if (dependencies.some((one) => `sha256:${one.digest.sha256}` === digest)) return;
  throw new QuipuError("DIGEST_MISMATCH", `${what} is not what the run was given (${digest})`, {
    next: "give the very data set and model that the receipt names",
  });
}
