/**
 * Hashing against what a user has today, and against what the machine allows. Each family of lines runs
 * in a process of its own for each number of threads; ours and each peer take turns inside it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { RunOptions } from "./harness.js";
import type { Errand } from "./hash/child.js";
import { families } from "./hash/families.js";
import { peerVersions } from "./hash/peers.js";
import type { Result } from "./result.js";
import { brief, print, record } from "./table.js";

const child = fileURLToPath(new URL("./hash/child.js", import.meta.url));

export async function run({ full, pairs, only }: RunOptions): Promise<void> {
  const results: Result[] = [];
  const all = availableParallelism();
  for (const { goals, threads } of families) {
    if (only.length > 0 && !only.some((part) => goals.includes(part))) continue;
    for (const count of threads(all)) {
      results.push(...(await runChild({ goals, threads: count, full, pairs })));
    }
  }
  print("hash", results);
  // Part of a suite, or a hasty one, is a look at it and no result.
  if (only.length === 0 && pairs === undefined)
    record("hash", results, { full, peers: peerVersions() });
}

async function runChild(errand: Errand): Promise<Result[]> {
  const results: Result[] = [];
  const running = fork(child, [JSON.stringify(errand)], {
    env: { ...process.env, QUIPU_THREADS: String(errand.threads) },
    execArgv: ["--expose-gc"],
  });
  running.on("message", (message) => {
    const result = message as Result;
    process.stderr.write(`${brief(result)}\n`);
    results.push(result);
  });
  const [code, signal] = await once(running, "exit");
  if (code === 0) return results;
  process.exitCode = 1;
  const stopped = `FAILED: ended with ${signal ?? `exit code ${code}`}`;
  return [...results, { name: errand.goals, said: stopped, note: "see above" }];
}
