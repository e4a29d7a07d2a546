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
  readonly observe: (device: string, text: string) => void;
}

export class Devices {
  readonly workers: ReadonlyMap<string, Worker>;
  readonly #facts = new Map<string, WorkerFacts>();
  readonly #opened: Promise<unknown>;

  private constructor(ids: readonly string[], options: DevicesOptions) {
    const { workerPath, observe } = options;
    this.workers = new Map(
      ids.map((device) => {
        const told = (text: string): void => observe(device, text);
        return [device, new Worker({ workerPath, device, observe: told })];
      }),
    );
    this.#opened = Promise.all([...this.workers.values()].map((one) => this.#open(one, options)));
  }

  static async start(options: DevicesOptions): Promise<Devices> {
    const names = await readdir(options.deviceRoot ?? "/dev");
    const gpus = names.flatMap((name) => /^nvidia([0-9]{1,3})$/.exec(name)?.[1] ?? []);
    const ids = gpus.map(Number).sort((a, b) => a - b);
    return new Devices(["cpu", ...ids.map((index) => `cuda:${index}`)], options);
  }

  /** Resolves when each worker has opened its device, or has failed to for good. */
  async opened(): Promise<void> {
    await this.#opened;
  }

  /** Devices that are open, processor first. */
  get list(): readonly Device[] {
    return [...this.workers.keys()].flatMap((id) => {
      const facts = this.#facts.get(id);
      if (facts === undefined) return [];
      const { backends, model, memoryBytes } = facts;
      if (id === "cpu") {
        return [{ id, model: cpus()[0]?.model ?? "unknown", memoryBytes: totalmem(), backends }];
      }
      return [{ id, model: model ?? "unknown", memoryBytes: memoryBytes ?? 0, backends }];
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.close()));
  }

  async #open(worker: Worker, { observe }: DevicesOptions): Promise<void> {
    try {
      this.#facts.set(worker.device, await worker.ready());
    } catch (thrown) {
      observe(worker.device, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
}
