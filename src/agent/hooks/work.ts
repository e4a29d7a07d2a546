/** What the hooks of a run's work share: what the host gives them, and what they find out. */
import type { Clock } from "../../base/clock.js";
import type { Artifact } from "../../model/artifact.js";
import type { Manifest } from "../../model/manifest.js";
import type { RunFacts, RunResult } from "../../model/run.js";
import type { Assignment, InputGrant } from "../assignment.js";
import type { RunnerHooks } from "../ports.js";
import type { Worker } from "../workers.js";

/** The host as a runner sees it. */
export interface RunnerHost {
  readonly clock: Clock;
  /** Holds one folder a data set, named as the data set. */
  readonly dataFolder: string;
  /** Holds one folder a run while it works; emptied at each start of the agent. */
  readonly scratchFolder: string;
  /** Worker processes by device id. */
  readonly workers: ReadonlyMap<string, Worker>;
  /** Native backend that hashes in this process, for example `avx512`. */
  readonly hashBackend: string;
  /** 64 hexadecimal digits. */
  blake3(bytes: Uint8Array): string;
  /** DATA_CHANGED when the folder changes while it is read. */
  hashTree(
    folder: string,
    signal: AbortSignal,
    onProgress: (doneBytes: number, totalBytes: number) => void,
  ): Promise<{ readonly manifest: Manifest; readonly stamp: string }>;
  /** The stamp that `hashTree` gave, unless something in the folder has been written since. */
  treeStamp(folder: string, signal: AbortSignal): Promise<string>;
  /** The blob as a file of the artifact store, checked against its digest. */
  fetchInput(grant: InputGrant, signal: AbortSignal): Promise<{ path: string; sizeBytes: number }>;
  /** Takes the file into the artifact store; DIGEST_MISMATCH when it is not what it was said to be. */
  adoptOutput(path: string, artifact: Artifact): Promise<void>;
  /** The same for bytes. */
  keepOutput(bytes: Uint8Array, artifact: Artifact): Promise<void>;
  /** User and system time of this process so far. */
  cpuMs(): number;
  observe(text: string): void;
}

/** One run's work under way; each hook fills in what later ones read. */
export interface Work {
  readonly host: RunnerHost;
  readonly assignment: Assignment;
  readonly signal: AbortSignal;
  readonly hooks: RunnerHooks;
  /** Set by check-data: where the data lies, what was found, and a stamp that any write changes. */
  data?: { readonly folder: string; readonly manifest: Manifest; readonly stamp: string };
  /** Set by fetch-inputs: file of each input, by digest. */
  readonly inputPaths: Map<string, string>;
  /** Set by reserve-device, where the driver writes files. */
  scratch?: string;
  outputFolder?: string;
  /** Set by execute. */
  result?: RunResult;
  contents?: ReadonlyMap<string, Uint8Array> | undefined;
  isolation: RunFacts["isolation"];
  /** For how long devices have been held, added up. */
  deviceMs: number;
  cpuMs: number;
  inputBytes: number;
  outputBytes: number;
}

export interface WorkHook {
  readonly name: string;
  /** Said to people while it runs. */
  readonly activity: string;
  /** A throw fails the run with its code. */
  run(work: Work): Promise<void>;
  /** Always called once `run` was, in reverse order of the hooks, whatever became of them. */
  release?(work: Work): Promise<void>;
}
