/** Jobs that ask for devices, hosts that have some, and what is decided. */
import { create } from "@bufbuild/protobuf";
import { InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import type { Decision } from "../src/model/decision.js";
import { type HostView, hostRow, type RunLoad, rowsOf } from "../src/model/host.js";
import { type JobSpec, jobDigest } from "../src/model/job.js";
import type { PriceBook } from "../src/model/price-book.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { at, base, gpu, job } from "./scheduler-world.js";

/** As a driver would ask that can use several; those that there are use one. */
export function wish(
  resources: Partial<JobSpec["resources"]>,
  parts: Partial<JobSpec> = {},
): JobSpec {
  const spec = { ...job(), ...parts };
  return { ...spec, resources: { ...spec.resources, ...resources } };
}

export const gpus = (count: number, parts: object = {}) =>
  Array.from({ length: count }, (_, i) => ({ ...gpu, id: `cuda:${i}`, ...parts }));

export function ask(spec: JobSpec, hosts: readonly HostView[], book?: PriceBook): Decision {
  const facts = { job: spec, jobDigest: jobDigest(spec), dataSet: undefined };
  return decide(new Asks(new Board(hosts)), { id: "dec-1", at, policy: base, book, ...facts })
    .decision;
}

/** In other words than placement's: whether the host has room for the job beside these runs. */
export function hasRoom({ resources }: JobSpec, view: HostView, runs: readonly RunLoad[]): boolean {
  const rows = runs.flatMap(rowsOf);
  const held = (id: string, of: "slots" | "memoryBytes") =>
    rows.reduce((sum, row) => sum + (row.device === id ? row[of] : 0), 0);
  const { device, devices = 1, memoryBytes, cores = 0, hostMemoryBytes = 0 } = resources;
  const free = view.devices.filter(({ id, slots, memoryBytes: size }) => {
    if (id === "cpu" && (device === "cuda" || devices > 1)) return false;
    const isWhole = devices === 1 || held(id, "slots") === 0;
    return isWhole && held(id, "slots") < slots && held(id, "memoryBytes") + memoryBytes <= size;
  });
  return (
    free.length >= devices &&
    held(hostRow, "slots") + cores <= (view.cores ?? 0) + (cores === 0 ? 99 : 0) &&
    held(hostRow, "memoryBytes") + hostMemoryBytes <=
      (view.memoryBytes ?? 0) + (hostMemoryBytes === 0 ? 99 : 0)
  );
}

export const inventory = (cuda: number, cpuCores = 4) =>
  create(InventorySchema, {
    devices: [
      { id: "cpu", model: "x86", memoryBytes: 2n ** 33n, backends: ["portable"], slots: 8 },
      ...Array.from({ length: cuda }, (_, i) => {
        return { id: `cuda:${i}`, model: "x", memoryBytes: 2n ** 33n, backends: ["cuda"] };
      }),
    ],
    cpuCores,
    memoryBytes: 1_000n,
  });
