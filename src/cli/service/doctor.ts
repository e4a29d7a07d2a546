/** `quipu doctor`: what this machine can do, what is wrong, and the fix for each fault. */
import { constants } from "node:fs";
import { access, mkdir, statfs } from "node:fs/promises";
import { QuipuError } from "../../base/errors.js";
import { type Capabilities, capabilities } from "../../compute/native/capabilities.js";
import { openNvml } from "../../compute/native/nvml.js";
import type { Context, VerbAction } from "../context.js";
import { bytesText } from "../table.js";

/** `warn`: works, with less; `fail`: something that people use will not work. */
type State = "ok" | "warn" | "fail";

interface Check {
  readonly name: string;
  readonly state: State;
  readonly text: string;
  /** What to type or change; only where something is wrong. */
  readonly fix?: string;
}

const nodeVersionMin = [20, 19] as const;
const freeBytesMin = 1024 ** 3;

export const action: VerbAction = async (context) => {
  const checks = [
    nodeCheck(),
    ...addonChecks(),
    await folderCheck(context),
    await diskCheck(context),
    await coordinatorCheck(context),
  ];
  const failed = checks.filter(({ state }) => state === "fail").length;
  const { output } = context;
  const marks = {
    ok: output.style("green", "ok  "),
    warn: output.style("yellow", "warn"),
    fail: output.style("red", "FAIL"),
  };
  output.result({ version: context.version, ok: failed === 0, checks }, () =>
    checks
      .map(({ name, state, text, fix }) => {
        const line = `${marks[state]}  ${name.padEnd(12)}  ${text}`;
        return fix === undefined ? line : `${line}\n                    fix: ${fix}`;
      })
      .join("\n"),
  );
  return failed === 0 ? 0 : 1;
};

function nodeCheck(): Check {
  const text = `Node.js ${process.versions.node}`;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const fresh =
    major > nodeVersionMin[0] || (major === nodeVersionMin[0] && minor >= nodeVersionMin[1]);
  if (fresh) return { name: "node", state: "ok", text };
  return {
    name: "node",
    state: "fail",
    text,
    fix: `install Node.js ${nodeVersionMin.join(".")} or newer`,
  };
}

function addonChecks(): Check[] {
  try {
    const found = capabilities({ probeCuda: true });
    const { threads, backends, cpu } = found;
    const simd = Object.entries(cpu)
      .filter(([, present]) => present)
      .map(([name]) => name);
    return [
      { name: "addon", state: "ok", text: `loaded; ${threads} threads` },
      {
        name: "cpu",
        state: simd.length === 0 ? "warn" : "ok",
        text: `${simd.join(" ") || "no SIMD"}; backends ${backends.join(" ")}`,
      },
      cudaCheck(found),
    ];
  } catch (thrown) {
    const { message, next } = QuipuError.from(thrown);
    const fix = next ?? "npm run build:native";
    return [{ name: "addon", state: "fail", text: message, fix }];
  }
}

/** No GPU is normal. A GPU that the driver shows and the addon cannot use is a fault. */
function cudaCheck({ cuda }: Capabilities): Check {
  if (cuda.usable) {
    const devices = cuda.devices.map(
      ({ name, memoryBytes }) => `${name} ${bytesText(memoryBytes)}`,
    );
    return { name: "cuda", state: "ok", text: devices.join(", ") };
  }
  const nvml = openNvml();
  if (typeof nvml === "string")
    return { name: "cuda", state: "ok", text: `CPU only: ${cuda.reason}` };
  const fix = cuda.compiled
    ? "install a driver that is new enough for the CUDA runtime in the addon"
    : "install the CUDA toolkit and run npm run build:native";
  return {
    name: "cuda",
    state: "fail",
    text: `a GPU is here but cannot be used: ${cuda.reason}`,
    fix,
  };
}

async function folderCheck({ paths }: Context): Promise<Check> {
  try {
    await mkdir(paths.home, { recursive: true, mode: 0o700 });
    await access(paths.home, constants.W_OK);
    return { name: "state", state: "ok", text: paths.home };
  } catch (error) {
    const text = `${paths.home}: ${(error as Error).message}`;
    return { name: "state", state: "fail", text, fix: "make it writable, or set QUIPU_HOME" };
  }
}

async function diskCheck({ paths }: Context): Promise<Check> {
  try {
    const { bavail, bsize } = await statfs(paths.home);
    const free = bavail * bsize;
    const text = `${bytesText(free)} free`;
    if (free >= freeBytesMin) return { name: "disk", state: "ok", text };
    return {
      name: "disk",
      state: "warn",
      text,
      fix: "free some space: receipts and outputs are kept here",
    };
  } catch (error) {
    return {
      name: "disk",
      state: "warn",
      text: (error as Error).message,
      fix: "see the state check",
    };
  }
}

async function coordinatorCheck(context: Context): Promise<Check> {
  try {
    const { address, hosts, jobs } = await context.coordinator();
    const answer = await hosts.listHosts({}, { deadlineMs: 3000 });
    await jobs.listJobs({ limit: 1 }, { deadlineMs: 3000 }); // its store must answer, too
    const attached = answer.hosts.filter((host) => host.attached).length;
    return { name: "coordinator", state: "ok", text: `${address}, ${attached} hosts attached` };
  } catch (thrown) {
    const { message, next } = QuipuError.from(thrown);
    return {
      name: "coordinator",
      state: "warn",
      text: message,
      fix: next ?? "quipu up --country CC",
    };
  }
}
