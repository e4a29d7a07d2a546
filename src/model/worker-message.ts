/**
 * What an agent and its worker process say to each other over the fork's message channel. The agent
 * names files; the worker reads the model and the data, computes, and writes outputs.
 */
import type { ErrorJson } from "../base/errors.js";
import type { TensorTask } from "./job.js";
import type { RunResult } from "./run.js";

export type WorkerRequest = {
  readonly kind: "run";
  readonly runId: string;
  readonly task: TensorTask;
  /** The ONNX file, already checked against its digest. */
  readonly modelPath: string;
  /** The outputs that are to be checked, where the task says so; already checked against their digest. */
  readonly claimedPath?: string;
  readonly dataFolder: string;
  /** Empty folder for the outputs; the file names are those of `RunResult.outputs`. */
  readonly outputFolder: string;
};

export type WorkerReply =
  /** Sent once, when the device is open and the worker takes work. */
  | {
      readonly kind: "ready";
      readonly device: string;
      readonly backends: readonly string[];
      /** Marketing name and memory of a GPU; the agent knows those of the processor. */
      readonly model?: string;
      readonly memoryBytes?: number;
      readonly computeCapability?: string;
    }
  | {
      readonly kind: "progress";
      readonly runId: string;
      /** From 0 to 1. */
      readonly progress: number;
      readonly activity: string;
    }
  | {
      readonly kind: "done";
      readonly runId: string;
      readonly result: RunResult;
      /** User and system time of this process for this run. */
      readonly cpuMs: number;
      readonly inputBytes: number;
    }
  | { readonly kind: "failed"; readonly runId: string; readonly error: ErrorJson };
