/**
 * A fleet of two hosts on this machine, of which one has the device: what a run gave there the other comes to
 * on its processor, to the bit; and what a fast run claims there the other finds within the error model.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { safetensorsFile } from "../../src/compute/engine/safetensors.js";
import { float32, type Tensor } from "../../src/compute/engine/session.js";
import { tensorBytes } from "../../src/compute/engine/tensor.js";
import { byFormula } from "../canonical-reference.js";
import { operatorModel } from "../onnx-writer.js";
import { packageRoot, RealFleet, until } from "../real-fleet.js";
import type { GpuCheck } from "./check.js";

const [m, n, k] = [512, 384, 1000];
const auditMsMax = 120_000;

export const auditChecks: readonly GpuCheck[] = [
  { name: "audit of a run by a host without the device", check: () => withFleet(bitsFault) },
  { name: "audit of a fast run by a host without the device", check: () => withFleet(fastFault) },
];

async function withFleet(
  fault: (fleet: RealFleet) => Promise<string | undefined>,
): Promise<string | undefined> {
  const fleet = new RealFleet();
  try {
    await fleet.startCoordinator();
    for (const name of ["with", "without"]) layData(fleet, name);
    await fleet.startAgent("with", "SG", "private");
    const hidden = { CUDA_VISIBLE_DEVICES: "" };
    await fleet.startAgent("without", "SG", "private", fleet.address, hidden);
    for (const name of ["digits", "product"]) {
      const folder = join(fleet.dataFolder("with"), name);
      const { code, stderr } = await fleet.quipu(
        ...["data", "add", folder, "--name", name, "--class", "public"],
      );
      if (code !== 0) return stderr;
    }
    return await fault(fleet);
  } finally {
    await fleet.close();
  }
}

function layData(fleet: RealFleet, host: string): void {
  fleet.layData(host, "digits");
  const folder = join(fleet.dataFolder(host), "product");
  mkdirSync(folder);
  writeFileSync(
    join(folder, "a.safetensors"),
    file("a", float32([m, k], byFormula("unit", 1, m * k))),
  );
  writeFileSync(
    join(folder, "b.safetensors"),
    file("b", float32([k, n], byFormula("unit", 2, k * n))),
  );
}

function file(name: string, tensor: Tensor): Uint8Array {
  const { bytes, offsets } = safetensorsFile([{ name, ...tensor }]);
  bytes.set(tensorBytes(tensor), offsets.get(name));
  return bytes;
}

async function bitsFault(fleet: RealFleet): Promise<string | undefined> {
  const examples = join(packageRoot, "examples", "digits");
  const text = readFileSync(join(examples, "classify.yaml"), "utf8");
  const task = text
    .slice(text.indexOf("\ntask:") + 1)
    .replace("./knn.onnx", join(examples, "knn.onnx"));
  return await auditFault(fleet, `dataSet: digits\n${task}`);
}

async function fastFault(fleet: RealFleet): Promise<string | undefined> {
  const model = join(fleet.folder, "product.onnx");
  writeFileSync(model, operatorModel("MatMul"));
  const inputs =
    "    a: { file: a.safetensors, tensor: a }\n    b: { file: b.safetensors, tensor: b }";
  const task = `task:\n  driver: tensor\n  model: ${model}\n  fast: tf32\n  inputs:\n${inputs}\n`;
  return await auditFault(fleet, `dataSet: product\n${task}`);
}

/** Undefined where the run was on the device, and another host said the same of it. */
async function auditFault(fleet: RealFleet, rest: string): Promise<string | undefined> {
  const path = join(fleet.folder, "job.yaml");
  writeFileSync(path, `version: quipu.dev/v1\nname: audited\n${rest}`);
  const { code, json, stderr } = await fleet.quipu("run", path);
  if (code !== 0) return `the run failed: ${stderr}`;
  const [{ id, backend }] = json.jobs;
  if (backend !== "cuda") return `it ran by backend ${backend}`;
  const audit = await until(
    "the audit has ended",
    async () => {
      const shown = await fleet.quipu("audit", "show", id);
      return shown.json?.audit?.closedAt ? shown.json.audit : undefined;
    },
    auditMsMax,
  );
  const kinds = audit.answers.map(({ deviceKind }: { deviceKind: string }) => deviceKind);
  if (audit.state === "agreed" && kinds.join(" ") === "cuda cpu") return undefined;
  return `${audit.state}: ${JSON.stringify(audit.answers)}`;
}
