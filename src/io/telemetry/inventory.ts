/**
 * What does not change while an agent lives, read once at its start. The library starts other
 * programs to find it out, so it is never asked again.
 */
import { readdir, readFile } from "node:fs/promises";
import { cpus, hostname, release, type as systemType, totalmem } from "node:os";
import { join } from "node:path";
import systeminformation from "systeminformation";
import { QuipuError } from "../../base/errors.js";
import type { Device } from "../../model/host.js";
import { name } from "../../model/name.js";
import type { Inventory } from "../../model/telemetry.js";

export interface InventoryOptions {
  /** Found by the engine: this room makes no device call. */
  readonly devices: readonly Device[];
  readonly agentVersion: string;
  /** Folder whose subfolders are the data sets of this host. */
  readonly dataRoot?: string;
  /** `/proc` unless told otherwise. */
  readonly procRoot?: string;
}

export const dataSetsMax = 4096;

export async function readInventory(options: InventoryOptions): Promise<Inventory> {
  const { devices, agentVersion, dataRoot, procRoot = "/proc" } = options;
  const [system, cpu, dataSets, driverVersion] = await Promise.all([
    systeminformation.osInfo(),
    systeminformation.cpu(),
    dataRoot === undefined ? [] : dataSetNames(dataRoot),
    readDriverVersion(procRoot),
  ]);
  // What the library cannot find (a bare container) it leaves empty; the runtime knows a part of it.
  const distribution = [system.distro, system.release].filter(Boolean).join(" ");
  const brand = [cpu.manufacturer, cpu.brand].filter(Boolean).join(" ");
  return {
    hostname: system.hostname || hostname(),
    os: distribution || systemType(),
    kernel: system.kernel || release(),
    cpuModel: brand || (cpus()[0]?.model ?? "unknown"),
    cpuCores: cpu.cores || cpus().length,
    memoryBytes: totalmem(),
    devices,
    agentVersion,
    dataSets: dataSets.map((each) => ({ name: each })),
    driverVersion,
  };
}

/** Subfolders with valid data set names, sorted; a data root that is not there yet holds none. */
export async function dataSetNames(dataRoot: string): Promise<readonly string[]> {
  let entries: readonly { readonly name: string; isDirectory(): boolean }[];
  try {
    entries = await readdir(dataRoot, { withFileTypes: true });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw QuipuError.from(thrown); // a file in its place, or a folder that may not be read
  }
  const names = entries
    .filter((entry) => entry.isDirectory() && name.safeParse(entry.name).success)
    .map((entry) => entry.name)
    .sort();
  if (names.length > dataSetsMax) {
    throw new QuipuError("LIMIT_EXCEEDED", `${dataRoot} holds over ${dataSetsMax} data sets`);
  }
  return names;
}

/** The kernel module says its version in a file; no file, no driver. */
export async function readDriverVersion(procRoot = "/proc"): Promise<string> {
  try {
    const text = await readFile(join(procRoot, "driver/nvidia/version"), "utf8");
    return /Kernel Module\s.*?(\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1] ?? "";
  } catch (thrown) {
    const error = QuipuError.from(thrown);
    if (error.code === "NOT_FOUND" || error.code === "PERMISSION_DENIED") return "";
    throw error;
  }
}
