/**
 * A log store in memory that can fail: each call may reject before or after its effect, and may take
 * its process with it. What is on the "disk" survives; a new store over the same disk is a restart.
 */
import { equalBytes } from "../src/base/bytes.js";
import { QuipuError } from "../src/base/errors.js";
import type { LogStore, StageName } from "../src/proof/tlog/store.js";

export interface LogDisk {
  committed: string | undefined;
  readonly stages: Map<string, Uint8Array>;
  readonly files: Map<string, Uint8Array>;
}

export function newLogDisk(): LogDisk {
  return { committed: undefined, stages: new Map(), files: new Map() };
}

export type WriteStep =
  | "compareAndSwap"
  | "stage"
  | "dropStages"
  | "publish"
  | "dropPartials"
  | "publishCheckpoint"
  | "publishCosigned";

export interface Fault {
  readonly step: WriteStep;
  /** 1 is the first such call from now on. */
  readonly call: number;
  readonly persisted: boolean;
  /** The process is gone: every later call of this store rejects as well. */
  readonly crash: boolean;
}

export class MemoryLogStore implements LogStore {
  readonly disk: LogDisk;
  #fault: Fault | undefined;
  #calls = 0;
  #dead = false;

  constructor(disk: LogDisk = newLogDisk()) {
    this.disk = disk;
  }

  /** Arms one fault; true once it has struck. */
  arm(fault: Fault): () => boolean {
    this.#fault = fault;
    this.#calls = 0;
    return () => this.#fault === undefined;
  }

  async committed(): Promise<string | undefined> {
    this.#alive();
    return this.disk.committed;
  }

  compareAndSwap(expected: string | undefined, next: string): Promise<void> {
    return this.#write("compareAndSwap", () => {
      if (this.disk.committed !== expected) throw new QuipuError("CONFLICT", "another writer");
      this.disk.committed = next;
    });
  }

  stage(name: StageName, content: Uint8Array): Promise<void> {
    return this.#write("stage", () => this.disk.stages.set(`${name.size} ${name.root}`, content));
  }

  async staged(name: StageName): Promise<Uint8Array | undefined> {
    this.#alive();
    return this.disk.stages.get(`${name.size} ${name.root}`);
  }

  dropStages(sizeMax: number): Promise<void> {
    return this.#write("dropStages", () => {
      for (const name of this.disk.stages.keys()) {
        if (Number.parseInt(name, 10) <= sizeMax) this.disk.stages.delete(name);
      }
    });
  }

  publish(path: string, content: Uint8Array): Promise<void> {
    return this.#write("publish", () => {
      const there = this.disk.files.get(path);
      if (there !== undefined && !equalBytes(there, content)) {
        throw new QuipuError("LOG_CORRUPT", `${path} is published with other bytes`);
      }
      this.disk.files.set(path, content);
    });
  }

  dropPartials(path: string): Promise<void> {
    return this.#write("dropPartials", () => {
      for (const name of this.disk.files.keys()) {
        if (name.startsWith(`${path}.p/`)) this.disk.files.delete(name);
      }
    });
  }

  publishCheckpoint(note: string): Promise<void> {
    return this.#write("publishCheckpoint", () =>
      this.disk.files.set("checkpoint", new TextEncoder().encode(note)),
    );
  }

  publishCosigned(note: string): Promise<void> {
    return this.#write("publishCosigned", () =>
      this.disk.files.set("cosigned", new TextEncoder().encode(note)),
    );
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    this.#alive();
    return this.disk.files.get(path);
  }

  async #write(step: WriteStep, effect: () => unknown): Promise<void> {
    this.#alive();
    const fault = this.#fault;
    if (fault?.step !== step) {
      effect();
      return;
    }
    this.#calls += 1;
    const strikes = this.#calls === fault.call;
    if (!strikes || fault.persisted) effect();
    if (!strikes) return;
    this.#fault = undefined;
    this.#dead = fault.crash;
    throw new QuipuError("IO", `${step} failed on purpose`);
  }

  #alive(): void {
    if (this.#dead) throw new QuipuError("IO", "this process is dead");
  }
}
