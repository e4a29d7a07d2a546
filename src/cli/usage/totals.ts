/** Sums of what runs used, in whole numbers of any size. Pure. */
import type { RunUsage } from "../../gen/quipu/v1/log_pb.js";

export const groupings = ["tenant", "host", "job"] as const;
export type Grouping = (typeof groupings)[number];

export interface Total {
  /** Owner of jobs, name of a host, or id of a job. */
  readonly key: string;
  /** Of a host its country, of a job its name. */
  readonly about: string;
  runs: bigint;
  /** Not in the sums: hosts differ about what they come to. */
  held: bigint;
  /** Not in the sums: they were found wrong. */
  withheld: bigint;
  succeeded: bigint;
  wallMs: bigint;
  deviceMs: bigint;
  cpuMs: bigint;
  inputBytes: bigint;
  outputBytes: bigint;
}

function newTotal(key: string, about = ""): Total {
  const none = { wallMs: 0n, deviceMs: 0n, cpuMs: 0n, inputBytes: 0n, outputBytes: 0n };
  return { key, about, runs: 0n, held: 0n, withheld: 0n, succeeded: 0n, ...none };
}

export function add(total: Total, run: RunUsage): void {
  if (run.charge === "held" || run.charge === "withheld") {
    total[run.charge] += 1n;
    return;
  }
  total.runs += 1n;
  if (run.outcome === "succeeded") total.succeeded += 1n;
  total.wallMs += run.wallMs;
  total.deviceMs += run.deviceMs;
  total.cpuMs += run.cpuMs;
  total.inputBytes += run.inputBytes;
  total.outputBytes += run.outputBytes;
}

/** By key, in the order of keys; a place that is a host's in one receipt may be another in the next. */
export class Totals {
  readonly all = newTotal("");
  readonly #by: Grouping;
  readonly #groups = new Map<string, Total>();

  constructor(by: Grouping) {
    this.#by = by;
  }

  add(run: RunUsage): void {
    const [key, about] = this.#groupOf(run);
    let total = this.#groups.get(key);
    if (total === undefined) {
      total = newTotal(key, about);
      this.#groups.set(key, total);
    }
    add(total, run);
    add(this.all, run);
  }

  get groups(): readonly Total[] {
    return [...this.#groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #groupOf(run: RunUsage): readonly [string, string] {
    switch (this.#by) {
      case "tenant":
        return [run.owner, ""];
      case "host":
        return [run.host, run.country];
      case "job":
        return [run.jobId, run.jobName];
    }
  }
}
