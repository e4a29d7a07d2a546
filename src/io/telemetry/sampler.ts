/** All collectors of a host, and the sample they make together. One that fails hides no other. */
import type { Clock } from "../../base/clock.js";
import type { CollectorFault, Sample } from "../../model/telemetry.js";
import { Reading } from "./collector.js";
import { cpu } from "./cpu.js";
import { disks } from "./disk.js";
import type { GpuWatch } from "./gpu-watch.js";
import { load } from "./load.js";
import { memory } from "./memory.js";
import { networks } from "./network.js";

/** A host with more shows the first of them and says so; a sample must stay small on the wire. */
export const rowsMax = 64;

/** The table: every collector that reads `/proc`. */
function openCollectors(procRoot: string) {
  return {
    cpu: new Reading(cpu, procRoot),
    load: new Reading(load, procRoot),
    memory: new Reading(memory, procRoot),
    disks: new Reading(disks, procRoot),
    networks: new Reading(networks, procRoot),
  };
}

export class Sampler {
  readonly #clock: Clock;
  readonly #collectors: ReturnType<typeof openCollectors>;
  readonly #gpus: GpuWatch | undefined;

  /** Reads once at once, so that the first sample has a span to measure. */
  constructor(clock: Clock, procRoot: string, gpus: GpuWatch | undefined) {
    this.#clock = clock;
    this.#collectors = openCollectors(procRoot);
    this.#gpus = gpus;
    this.#refresh();
  }

  sample(): Sample {
    const nowMs = this.#refresh();
    const { cpu, load, memory, disks, networks } = this.#collectors;
    const faults: CollectorFault[] = [];
    const utilization = cpu.value(nowMs);
    const averages = load.value(nowMs);
    const unknown = { load1m: Number.NaN, load5m: Number.NaN, load15m: Number.NaN };
    const memoryNow = memory.value(nowMs);
    const gpus = this.#gpus?.reading(nowMs) ?? { gpus: [] };
    const parts = {
      disks: firstRows("disks", disks.value(nowMs) ?? [], faults),
      networks: firstRows("networks", networks.value(nowMs) ?? [], faults),
      gpus: firstRows("gpus", gpus.gpus, faults),
    };
    for (const reading of Object.values(this.#collectors)) {
      const fault = reading.fault(nowMs);
      if (fault !== undefined) faults.push(fault);
    }
    if (gpus.fault !== undefined) faults.push(gpus.fault);
    return {
      atMs: this.#clock.wallMs(),
      ...(utilization === undefined && averages === undefined
        ? {}
        : { cpu: { utilization: utilization ?? Number.NaN, ...(averages ?? unknown) } }),
      ...(memoryNow === undefined ? {} : { memory: memoryNow }),
      ...parts,
      faults,
    };
  }

  close(): void {
    for (const reading of Object.values(this.#collectors)) reading.close();
    this.#gpus?.close();
  }

  #refresh(): number {
    const nowMs = this.#clock.bootMs();
    for (const reading of Object.values(this.#collectors)) reading.refresh(nowMs);
    this.#gpus?.tick(nowMs);
    return nowMs;
  }
}

function firstRows<Row>(
  collector: string,
  rows: readonly Row[],
  faults: CollectorFault[],
): readonly Row[] {
  if (rows.length <= rowsMax) return rows;
  faults.push({ collector, text: `the first ${rowsMax} of ${rows.length} are shown` });
  return rows.slice(0, rowsMax);
}
