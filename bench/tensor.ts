/**
 * The tensor kernels beside OpenBLAS and oneDNN, where these are installed, in the one native process
 * that native/bench builds: ours, each peer and the limits of the machine, by turns over the same memory.
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { RunOptions } from "./harness.js";
import { packageRoot } from "./machine.js";
import { type Promised, runNative } from "./native.js";
import type { Measured } from "./result.js";
import { print, record } from "./table.js";

const pairsUsual = 7;

/** Kernels of OpenBLAS that may be faster here than those that it picks by the processor's name. */
const otherCores = ["SkylakeX", "Zen"];

/** Least ratio that was promised for one thread, by the goal and the peer. */
const promised: Promised = [
  [/^T1 (\d+) x \1 x \1$/, /^OpenBLAS/, 0.95],
  [/^T1 (\d+) x \1 x \1, packed$/, /^oneDNN packed/, 0.97],
  [/^T2 /, /^OpenBLAS/, 2.5],
  [/^T2 /, /^oneDNN packed/, 1],
  [/^T4 softmax (4096|16384) /, /^oneDNN/, 1.8],
  [/^T4 layer normalisation (4096|16384) /, /^oneDNN/, 1.3],
  [/^T4 GELU 16384 /, /^oneDNN/, 2.5],
  [/^T6 /, /^oneDNN (?!plain)/, 0.95],
];

export async function run({ only, pairs }: RunOptions): Promise<void> {
  const build = [join(packageRoot, "scripts", "build-native.mjs"), "--bench"];
  if (spawnSync(process.execPath, build, { stdio: "inherit" }).status !== 0) {
    console.log(
      "tensor: build/native-bench needs oneDNN's headers (Debian: libdnnl-dev); see above",
    );
    return;
  }
  for (const threads of new Set([1, availableParallelism()])) {
    const results: Measured[] = [];
    let limits = {};
    const parts = only.length === 0 ? [""] : only;
    for (const core of [undefined, ...otherCores]) {
      for (const part of core !== undefined && only.length === 0 ? ["T1", "T2"] : parts) {
        const told = await runNative({
          program: "native-bench",
          options: ["--threads", `${threads}`, "--only", part],
          pairs: pairs ?? pairsUsual,
          environment: {
            QUIPU_THREADS: `${threads}`,
            ...(core === undefined ? {} : { OPENBLAS_CORETYPE: core }),
          },
          promised,
          against: core === undefined ? undefined : "OpenBLAS",
        });
        if (told.code !== 0) throw new Error("build/native-bench did not end well; see above");
        results.push(...told.results);
        if (core === undefined) limits = told.limits;
      }
    }
    print("tensor", results);
    // Part of a suite, or a hasty one, is a look at it and no result.
    if (only.length === 0 && pairs === undefined) record("tensor", results, { limits });
  }
}
