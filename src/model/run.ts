/** One attempt of a job on one host, and the facts about it that its receipt states. */
import type { Digest } from "../base/bytes.js";
import type { ErrorJson } from "../base/errors.js";
import type { Artifact } from "./artifact.js";
import type { DataClass } from "./data-set.js";
import type { JobSpec } from "./job.js";
import type { Place } from "./place.js";

/** Names one attempt. A report with an epoch that is not the current one counts for nothing. */
export interface RunRef {
  readonly runId: string;
  readonly epoch: number;
}

/** `bitwise`: any host that runs it again gets the same bytes. */
export type Determinism = "bitwise" | "none";

/** What a driver can say when it is done. */
export interface RunResult {
  readonly outputs: readonly Artifact[];
  readonly device: string;
  /** Backend that really ran: `portable`, `avx2`, `avx512`, `cuda`. */
  readonly backend: string;
  readonly determinism: Determinism;
  /** Version of the frozen arithmetic, for example `canonical-1`; empty where none applies. */
  readonly arithmetic: string;
}

/** How far a host's wall clock was ahead of the coordinator's, give or take. */
export interface ClockReading {
  /** Negative where it was behind. */
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

export interface Usage {
  readonly wallMs: number;
  /** For how long devices were held, added up. */
  readonly deviceMs: number;
  /** User and system time of the process that did the work. */
  readonly cpuMs: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

/** Everything a receipt states about a run that ended on a host. */
export interface RunFacts extends RunRef {
  readonly jobId: string;
  readonly jobDigest: Digest;
  readonly job: JobSpec;
  readonly host: string;
  readonly place: Place;
  /** Absent before the coordinator has answered a heartbeat. */
  readonly clock?: ClockReading;
  readonly agentVersion: string;
  /** What it had, or, where it had to do with another one in the end, that one. */
  readonly devices: readonly string[];
  readonly decisionDigest: Digest;
  readonly policyDigest: Digest;
  /** Of the price book in force when it was placed, where there was one. */
  readonly priceBookDigest?: Digest;
  readonly dataSet?: {
    readonly name: string;
    readonly manifestDigest: Digest;
    readonly dataClass: DataClass;
  };
  readonly inputs: readonly Digest[];
  readonly outcome: "succeeded" | "failed" | "cancelled";
  /** Present unless it succeeded. */
  readonly failure?: ErrorJson;
  /** Present when it succeeded. */
  readonly result?: RunResult;
  /** Isolation really in force: `process` is a process of its own without a sandbox. */
  readonly isolation: "none" | "process";
  /** RFC 3339, the host's clock. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly usage: Usage;
}
