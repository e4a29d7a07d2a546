/**
 * Job files: YAML (one job a document) against the job schema. A model given as a path is a local
 * file that must be uploaded.
 */
import { dirname, resolve } from "node:path";
import { isDigest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type AskedJob, askedJob, jobBytesMax } from "../../model/job.js";
import { readYaml } from "../yaml-file.js";

export interface LoadedJob {
  readonly spec: AskedJob;
  readonly file: string;
}

/** Stores a local file with the coordinator and answers with its digest. */
export type Upload = (path: string) => Promise<string>;

/** Reads every job of `file`; `upload` is called for each local model. */
export async function loadJobFile(file: string, upload: Upload): Promise<LoadedJob[]> {
  const specs = await readYaml(file, {
    what: "job",
    schema: askedJob,
    bytesMax: jobBytesMax,
    prepare: (value) => withUploadedModel(value, file, upload),
    invalid,
  });
  return specs.map((spec) => ({ spec, file }));
}

async function withUploadedModel(value: unknown, file: string, upload: Upload): Promise<unknown> {
  const job = value as { task?: { driver?: unknown; model?: unknown } } | null;
  const model = job?.task?.driver === "tensor" ? job.task.model : undefined;
  if (typeof model !== "string" || isDigest(model)) return value;
  return { ...job, task: { ...job?.task, model: await upload(resolve(dirname(file), model)) } };
}

function invalid(faults: readonly string[]): QuipuError {
  return new QuipuError("JOB_FILE_INVALID", faults.join("\n"), {
    next: "the schema is docs/job.schema.json; examples are in examples/",
    details: { faults },
  });
}
