/**
 * The devices of this host: one worker process for the processor and one for each GPU that the kernel
 * shows. What a device is, and whether it can be used at all, its worker says.
 */
import { readdir } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import type { Device } from "../model/host.js";
import { Worker, type WorkerFacts } from "./workers.js";

export interface DevicesOptions {
  readonly workerPath: string;
  /** `/dev` unless told otherwise. */
  readonly deviceRoot?: string;
  /** Light runs that the processor takes at once. */
  readonly slots: number;
  readonly observe: (device: string, text: string) => void;
}

export class Devices {
  readonly workers: ReadonlyMap<string, Worker>;
  readonly #slots: number;
  readonly #facts = new Map<string, WorkerFacts>();
  readonly #opened: Promise<unknown>;

  private constructor(ids: readonly string[], { workerPath, slots, observe }: DevicesOptions) {
    this.#slots = slots;
    const open = (device: string): Worker =>
      new Worker({
        workerPath,
        device,
        observe: (text) => observe(device, text),
        changed: (facts) => {
          if (facts === undefined) this.#facts.delete(device);
          else this.#facts.set(device, facts);
        },
      });
    this.workers = new Map(ids.map((device) => [device, open(device)]));
    // A device that cannot be opened has said why through `observe`.
    this.#opened = Promise.allSettled([...this.workers.values()].map((one) => one.ready()));
  }

  static async start(options: DevicesOptions): Promise<Devices> {
    const names = await readdir(options.deviceRoot ?? "/dev");
    const gpus = names.flatMap((name) => /^nvidia([0-9]{1,3})$/.exec(name)?.[1] ?? []);
    const ids = gpus.map(Number).sort((a, b) => a - b);
    return new Devices(["cpu", ...ids.map((index) => `cuda:${index}`)], options);
  }

  /** Resolves when each worker has opened its device, or has failed to again and again. */
  async opened(): Promise<void> {
    await this.#opened;
  }

  /** Devices that are open, processor first. */
  get list(): readonly Device[] {
    return [...this.workers.keys()].flatMap((id) => {
      const facts = this.#facts.get(id);
      if (facts === undefined) return [];
      const { backends, model = "unknown", memoryBytes = 0, computeCapability } = facts;
      if (id === "cpu") {
        const name = cpus()[0]?.model ?? "unknown";
        return [{ id, model: name, memoryBytes: totalmem(), backends, slots: this.#slots }];
      }
      const capability = computeCapability === undefined ? {} : { computeCapability };
      return [{ id, model, memoryBytes, backends, slots: 1, ...capability }];
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.close()));
  }
}
