/**
 * One family with one number of threads, in a process that was started with QUIPU_THREADS, since the
 * addon reads that once. Results go to the parent as they come.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Contest, compete } from "../harness.js";
import type { Result } from "../result.js";
import { families } from "./families.js";
import { checkVectors } from "./vectors.js";

export interface Errand {
  readonly goals: string;
  readonly threads: number;
  readonly full: boolean;
  readonly pairs: number | undefined;
}

const fullLineMsMax = 60_000;
const { goals, threads, full, pairs } = JSON.parse(process.argv[2] ?? "{}") as Errand;
const family = families.find((each) => each.goals === goals);
if (family === undefined) throw new Error(`no family ${goals}`);
const folder = mkdtempSync(join(tmpdir(), "quipu-"));
try {
  checkVectors();
  for await (const line of family.lines({ threads, full, folder })) {
    process.send?.("said" in line ? line : await resultOf(line));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.disconnect?.();

/** A side that fails, or whose digest is wrong, spoils its own line only. */
async function resultOf(line: Contest): Promise<Result> {
  try {
    return await compete(line, { pairs, ...(full ? { lineMsMax: fullLineMsMax } : {}) });
  } catch (thrown) {
    process.exitCode = 1;
    return {
      name: line.name,
      said: `FAILED: ${thrown instanceof Error ? thrown.message : thrown}`,
    };
  }
}
