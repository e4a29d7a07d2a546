/**
 * What a coordinator's backup says of itself, in `backup.json`. Frozen: its version names the layout of
 * the whole folder (`docs/coordinator.md`).
 */
import { z } from "zod";
import { isDigest } from "../base/bytes.js";
import { QuipuError } from "../base/errors.js";

export const backupVersion = "quipu.dev/backup/v1";

const file = z.strictObject({
  /** Below the folder, `/` between parts. */
  path: z.string().regex(/^(?:(?:store|log|keys)\/[A-Za-z0-9_./-]{1,100}|artifacts\.jsonl)$/),
  sizeBytes: z.int().min(0),
  digest: z.string().refine(isDigest),
});

const backup = z.strictObject({
  version: z.literal(backupVersion),
  madeAt: z.iso.datetime(),
  /** Of the program that made it. */
  program: z.string(),
  /** Newest step of the schema that the rows are of. */
  schema: z.string().min(1),
  log: z.strictObject({ origin: z.string().min(1), size: z.int().min(0), root: z.string() }),
  /** Rows of each table. */
  rows: z.record(z.string(), z.int().min(0)),
  /** Blobs that `artifacts.jsonl` names; absent where they were left out. */
  artifacts: z.strictObject({ count: z.int().min(0), sizeBytes: z.int().min(0) }).optional(),
  files: z.array(file),
});

export type Backup = z.infer<typeof backup>;
export type BackupFile = z.infer<typeof file>;

export function parseBackup(text: string): Backup {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed("it is not JSON", cause);
  }
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === "string" && version !== backupVersion) {
    throw new QuipuError("STATE_NEWER", `this backup is of version ${version.slice(0, 100)}`, {
      next: `restore it with the program that knows it; this one knows ${backupVersion}`,
    });
  }
  const parsed = backup.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw malformed(`${issue?.path.join(".")}: ${issue?.message}`);
}

function malformed(why: string, cause?: unknown): QuipuError {
  return new QuipuError("DATA_INVALID", `backup.json is malformed: ${why}`, {
    next: "use another backup",
    cause,
  });
}
