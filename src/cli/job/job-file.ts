/**
 * Job files: YAML (one job a document) against the job schema. Whatever is wrong is named with file,
 * line and column, all faults at once. A model given as a path is a local file that must be uploaded.
 */
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Document, isNode, LineCounter, parseAllDocuments } from "yaml";
import type { core } from "zod";
import { isDigest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type JobSpec, jobBytesMax, jobSpec } from "../../model/job.js";

export interface LoadedJob {
  readonly spec: JobSpec;
  readonly file: string;
}

/** Stores a local file with the coordinator and answers with its digest. */
export type Upload = (path: string) => Promise<string>;

/** Reads every job of `file`; `upload` is called for each local model. */
export async function loadJobFile(file: string, upload: Upload): Promise<LoadedJob[]> {
  const text = await readJobText(file);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true });
  if (!Array.isArray(documents) || documents.length === 0) {
    throw invalid([`${file}: is empty`]);
  }
  const jobs: LoadedJob[] = [];
  for (const document of documents) {
    const faults = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `${file}:${line}:${col}: ${error.message.split("\n")[0]}`;
    });
    if (faults.length > 0) throw invalid(faults);
    const value = await withUploadedModel(document.toJS({ maxAliasCount: 100 }), file, upload);
    const parsed = jobSpec.safeParse(value);
    if (!parsed.success) {
      throw invalid(parsed.error.issues.flatMap((issue) => describe(issue, document, lines, file)));
    }
    jobs.push({ spec: parsed.data, file });
  }
  return jobs;
}

async function readJobText(file: string): Promise<string> {
  const facts = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new QuipuError("NOT_FOUND", `job file ${file} cannot be read: ${cause.message}`, {
      next: "check the path; examples are in examples/",
      cause,
    });
  });
  if (facts.isFile() && facts.size <= jobBytesMax) return readFile(file, "utf8");
  const fault = facts.isFile() ? `is larger than ${jobBytesMax} bytes` : "is not a file";
  throw invalid([`${file}: ${fault}`]);
}

async function withUploadedModel(value: unknown, file: string, upload: Upload): Promise<unknown> {
  const job = value as { task?: { driver?: unknown; model?: unknown } } | null;
  const model = job?.task?.driver === "tensor" ? job.task.model : undefined;
  if (typeof model !== "string" || isDigest(model)) return value;
  return { ...job, task: { ...job?.task, model: await upload(resolve(dirname(file), model)) } };
}

function describe(
  issue: core.$ZodIssue,
  document: Document,
  lines: LineCounter,
  file: string,
): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const where = position([...issue.path, key], document, lines, file);
      return `${where}: unknown key ${[...issue.path, key].join(".")}`;
    });
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // Of the forms that it may have, the one that it comes nearest to.
    const [nearest = []] = [...issue.errors].sort((a, b) => a.length - b.length);
    return nearest.flatMap((one) =>
      describe({ ...one, path: [...issue.path, ...one.path] }, document, lines, file),
    );
  }
  const where = position(issue.path, document, lines, file);
  return [`${where}: ${issue.path.join(".") || "job"}: ${issue.message}`];
}

/** The place of the nearest node that exists on the way to `path`. */
function position(
  path: readonly PropertyKey[],
  document: Document,
  lines: LineCounter,
  file: string,
): string {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (!isNode(node) || node.range === undefined || node.range === null) continue;
    const { line, col } = lines.linePos(node.range[0]);
    return `${file}:${line}:${col}`;
  }
  return file;
}

function invalid(faults: readonly string[]): QuipuError {
  return new QuipuError("JOB_FILE_INVALID", faults.join("\n"), {
    next: "the schema is docs/job.schema.json; examples are in examples/",
    details: { faults },
  });
}
