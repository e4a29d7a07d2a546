/**
 * `npm run test:gpu`: every kernel on a CUDA device against its portable twin, fast products
 * against canonical ones, and runs on a device against audits by a host without one; without a test framework, so that it runs from the portable tarball too.
 * With `-- --functions` also elementary functions of all 2^32 inputs, which takes minutes; with
 * `-- --only TEXT` what has that in its name.
 *
 * A device that is there and cannot be used is a failure, never a skip. With no device at all it
 * says so and exits with 3, or with 0 under --allow-none.
 */
import { existsSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { QuipuError } from "../../src/base/errors.js";
import { capabilities } from "../../src/compute/native/capabilities.js";
import { openNvml } from "../../src/compute/native/nvml.js";
import { auditChecks } from "./audits.js";
import type { GpuCheck } from "./check.js";
import { fastChecks } from "./fast.js";
import { functionChecks } from "./function-digests.js";
import { hashChecks } from "./hash-checks.js";
import { tensorDifferences } from "./tensor.js";

const { values } = parseArgs({
  options: {
    "allow-none": { type: "boolean", default: false },
    functions: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});
const all: readonly GpuCheck[] = [
  ...hashChecks,
  {
    name: "tensors",
    check: async () => (await tensorDifferences()).join("; ") || undefined,
  },
  ...fastChecks,
  ...auditChecks,
  ...(values.functions ? functionChecks() : []),
];
const checks = all.filter(({ name }) => name.includes(values.only));
if (checks.length === 0) {
  console.error(`no test of a device has "${values.only}" in its name`);
  process.exit(2);
}

/** Signs of a GPU that need neither CUDA nor our addon to be right. */
function signsOfGpu(): string[] {
  const signs: string[] = [];
  if (existsSync("/proc/driver/nvidia/version")) signs.push("/proc/driver/nvidia/version");
  if (existsSync("/dev")) {
    signs.push(...readdirSync("/dev").filter((name) => /^nvidia\d+$/.test(name)));
  }
  const nvml = openNvml();
  if (typeof nvml !== "string") signs.push(`the driver's library, version ${nvml.driverVersion}`);
  return signs;
}

async function run(): Promise<number> {
  const { cuda } = capabilities({ probeCuda: true });
  if (!cuda.usable) {
    const signs = signsOfGpu();
    if (signs.length === 0) {
      console.log(`no GPU here: ${cuda.reason}`);
      return values["allow-none"] ? 0 : 3;
    }
    console.log(
      `FAILED: there is a GPU (${signs.join(", ")}) and it is not usable: ${cuda.reason}`,
    );
    console.log("0 passed, 1 failed");
    return 1;
  }
  for (const { index, name, computeCapability } of cuda.devices) {
    console.log(`cuda:${index} ${name}, compute capability ${computeCapability}`);
  }
  let passed = 0;
  const failed: string[] = [];
  for (const { name, check } of checks) {
    if (process.stderr.isTTY) process.stderr.write(`\r${name.padEnd(60)}\r`);
    try {
      const fault = await check();
      if (fault === undefined) passed += 1;
      else failed.push(`${name}: ${fault}`);
    } catch (thrown) {
      failed.push(`${name}: ${QuipuError.from(thrown).code} ${String(thrown)}`);
    }
  }
  for (const line of failed) console.log(`FAILED: ${line}`);
  console.log(`${passed} passed, ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await run();
