/**
 * The kernels on a CUDA device: products beside cuBLAS, and what its memory holds up beside a plain copy
 * there, in the one native process that native/bench builds. From the portable tarball, as it came.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunOptions } from "./harness.js";
import { packageRoot } from "./machine.js";
import { type Promised, runNative } from "./native.js";
import type { Measured } from "./result.js";
import { print, record } from "./table.js";

const pairsUsual = 15;
const noDevice = 3;

const promised: Promised = [
  [/^G1 4096 /, /^cuBLAS/, 0.8],
  [/^G1 (tf32|bf16) /, /^cuBLAS/, 0.98],
  [/^G2 /, /^copy/, 0.9],
];

export async function run({ only, pairs }: RunOptions): Promise<void> {
  const build = join(packageRoot, "scripts", "build-native.mjs");
  if (existsSync(build)) {
    if (process.env.QUIPU_CUDA === "OFF" || spawnSync("nvcc", ["--version"]).status !== 0) {
      console.log("device: build/device-bench needs nvcc, and QUIPU_CUDA not OFF");
      return;
    }
    const built = spawnSync(process.execPath, [build, "--device-bench"], { stdio: "inherit" });
    if (built.status !== 0) throw new Error("build/device-bench does not compile; see above");
  }
  const results: Measured[] = [];
  let limits = {};
  for (const part of only.length === 0 ? [""] : only) {
    const told = await runNative({
      program: "device-bench",
      options: ["--only", part],
      pairs: pairs ?? pairsUsual,
      promised,
    });
    if (told.code === noDevice) {
      console.log("device: not run on a GPU");
      return;
    }
    if (told.code !== 0) throw new Error("build/device-bench did not end well; see above");
    results.push(...told.results);
    limits = told.limits;
  }
  print("device", results);
  // Part of a suite, or a hasty one, is a look at it and no result.
  if (only.length === 0 && pairs === undefined) record("device", results, { limits });
}
