/**
 * What a job needs to run again: given by flags, or found. A model is fetched by its digest, as an export to this
 * machine's place; a data set goes nowhere, so it is found only where its folder was registered from.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { ArtifactAction } from "../../gen/quipu/v1/fleet_pb.js";
import type { JobSpec } from "../../model/job.js";
import type { Place } from "../../model/place.js";
import { downloadFile } from "../artifact/get.js";
import type { Context, Invocation } from "../context.js";
import { readFacts } from "../data/kept-data-set.js";
import type { RunHere } from "./lawful-here.js";

export interface RerunInputs {
  readonly dataFolder: string;
  /** Absent where the job ran no model. */
  readonly modelPath: string | undefined;
}

/** What was fetched is gone when `use` has ended. */
export async function withInputs<Value>(
  context: Context,
  { run, place }: { readonly run: RunHere; readonly place: Place },
  { data, model }: Invocation["options"],
  use: (inputs: RerunInputs) => Promise<Value>,
): Promise<Value> {
  const dataFolder = data === undefined ? await keptFolder(context, run) : String(data);
  const { job } = run;
  if (model !== undefined || job.task.driver === "hash") {
    return await use({ dataFolder, modelPath: model as string | undefined });
  }
  const fetched = await mkdtemp(join(tmpdir(), "quipu-model-"));
  try {
    const modelPath = join(fetched, "model.onnx");
    await fetchModel(context, job, { digest: job.task.model, place, path: modelPath });
    return await use({ dataFolder, modelPath });
  } finally {
    await rm(fetched, { recursive: true });
  }
}

/** The folder that was registered from here under that name, while it is that of these very files. */
async function keptFolder({ paths }: Context, { job, manifestDigest }: RunHere): Promise<string> {
  const facts = job.dataSet === undefined ? undefined : await readFacts(paths.home, job.dataSet);
  if (facts !== undefined && facts.manifestDigest === manifestDigest) return facts.folder;
  throw new QuipuError(
    "USAGE",
    "--rerun needs the data set's folder, which was not registered here",
    {
      next: "give it with --data; data sets are fetched from nowhere",
    },
  );
}

/** From the coordinator's store, or else from the host of a job that this one came after and that made it. */
async function fetchModel(
  context: Context,
  { after = [] }: JobSpec,
  { digest, place, path }: { digest: `sha256:${string}`; place: Place; path: string },
): Promise<void> {
  const to = { destinationCountry: place.country, recipient: place.operator ?? "" };
  const { artifacts, jobs } = await context.coordinator();
  try {
    const grant = await artifacts.grantArtifact({ digest, action: ArtifactAction.GET, ...to });
    await downloadFile(context, { ...grant, digest, path });
  } catch (thrown) {
    if (QuipuError.from(thrown).code !== "NOT_FOUND") throw thrown;
    for (const id of after.filter((one) => one.startsWith("job-"))) {
      const { outputs } = await jobs.grantOutputs({ id, ...to });
      const made = outputs.find(({ artifact }) => artifact?.digest === digest);
      if (made !== undefined) {
        await downloadFile(context, { url: made.url, token: made.token, digest, path });
        return;
      }
    }
    throw new QuipuError("NOT_FOUND", `nobody here has the model ${digest}`, {
      next: "give its file with --model",
    });
  }
}
