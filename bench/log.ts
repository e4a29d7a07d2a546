/**
 * What the log costs: durable appends beside PostgreSQL on the same disk, proofs out of a log of 10^7
 * leaves, and what checking and sealing one receipt takes of the processor.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PostgresServer } from "../test/postgres-server.js";
import type { RunOptions } from "./harness.js";
import { appendLines } from "./log-appends.js";
import { checkLines } from "./log-checks.js";
import { proofLines } from "./log-proofs.js";
import type { Said } from "./result.js";
import { print, record } from "./table.js";

type Part = (folder: string, quick: boolean) => Promise<Said[]>;

const parts: Readonly<Record<string, Part>> = {
  appends: async (folder, quick) => {
    const server = await PostgresServer.start();
    try {
      return await appendLines(folder, server, quick);
    } finally {
      await server?.close();
    }
  },
  proofs: proofLines,
  checks: async (_, quick) => checkLines(quick),
};

/** `--only appends` one part; `--pairs N` small numbers, which are not kept. */
export async function run({ only, pairs }: RunOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "quipu-log-"));
  const results: Said[] = [];
  try {
    for (const [name, part] of Object.entries(parts)) {
      if (only.length > 0 && !only.includes(name)) continue;
      results.push(...(await part(folder, pairs !== undefined)));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  print("log", results);
  if (only.length === 0 && pairs === undefined) record("log", results);
}
