/**
 * What an agent needs from the world. The core in `agent.ts` touches nothing else: it starts no timer,
 * opens no file and no socket, and asks no clock but this one, so a simulator runs many agents in one
 * thread and repeats a run from its seed.
 */
import type { Clock } from "../base/clock.js";
import type { ErrorJson, QuipuError } from "../base/errors.js";
import type { Random } from "../base/random.js";
import type { Signer } from "../base/signature.js";
import type { AttachRequest } from "../gen/quipu/v1/attach_pb.js";
import type { Inventory } from "../gen/quipu/v1/types_pb.js";
import type { DurableFolder } from "../io/store/durable-folder.js";
import type { Place } from "../model/place.js";
import type { RunFacts, RunRef, RunResult, Usage } from "../model/run.js";
import type { HashMany } from "../proof/tlog/hash.js";
import type { Assignment } from "./assignment.js";

export interface AgentPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** One file a claimed run. */
  readonly journal: DurableFolder;
  /** One file a sealed run that the coordinator has not acknowledged. */
  readonly spool: DurableFolder;
  /** The host's receipt key. */
  readonly signer: Signer;
  /** For the tree over a receipt's fields; absent: one by one, in JavaScript. */
  readonly hashMany?: HashMany | undefined;
  readonly runner: Runner;
  readonly link: Link;
  /** Told what happened, for people; must not throw. */
  readonly observe: (event: AgentEvent) => void;
}

/** What does not change while an agent lives. */
export interface AgentIdentity {
  readonly host: string;
  readonly place: Place;
  readonly version: string;
  /** Base address of this host's artifacts and metrics. */
  readonly httpUrl: string;
  readonly inventory: Inventory;
  /** Of an agent that the coordinator asked for; shown with each hello. */
  readonly pilotToken?: string | undefined;
  /** Wall-clock time from which on it claims nothing more; absent: it stays. */
  readonly untilMs?: number | undefined;
}

/** The stream to the coordinator. Nothing here waits: a message is queued, or lost with its stream. */
export interface Link {
  send(message: AttachRequest): void;
  /** Ends the present stream because it seems dead; `disconnected` follows, then a new attempt. */
  drop(reason: string): void;
}

export interface Runner {
  /**
   * Does the work of one run: checks its data, fetches its inputs, takes the device, runs, measures.
   * Settles only when nothing of the run is running any more and its device is free.
   */
  start(assignment: Assignment, hooks: RunnerHooks): Promise<RunReport>;
  /** Ends the work of a run as fast as can be; its `start` then settles. Unknown runs are ignored. */
  stop(runId: string): void;
}

export interface RunnerHooks {
  /** Share done, from 0 to 1, and what is being done now. */
  progress(fraction: number, activity: string): void;
  log(line: string): void;
}

/** What became of the work. Has `result` or `failure`, never both. */
export interface RunReport {
  readonly result?: RunResult;
  readonly failure?: ErrorJson;
  readonly usage: Usage;
  readonly isolation: RunFacts["isolation"];
}

export type AgentEvent =
  | { readonly kind: "attached"; readonly coordinatorVersion: string }
  | { readonly kind: "detached" }
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  | { readonly kind: "run"; readonly run: RunRef; readonly phase: RunPhase; readonly text: string }
  /** Something failed and will be tried again; `what` names it. */
  | { readonly kind: "trouble"; readonly what: string; readonly error: QuipuError };

/**
 * Where a run stands on this host. `waiting`: assigned, not claimed, the disk refuses the journal.
 * `ending`: given up or acknowledged; its files are being removed.
 */
export type RunPhase =
  | "waiting"
  | "claiming"
  | "working"
  | "sealing"
  | "sealed"
  | "lost"
  | "ending";
