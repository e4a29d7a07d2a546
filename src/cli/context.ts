/** What every verb is given: how to print, where things live, and how to reach a coordinator. */
import type { Clients } from "./coordinator-link.js";
import type { Output } from "./output.js";

export interface Context {
  readonly output: Output;
  readonly paths: Paths;
  readonly version: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Connects on first use; throws UNAVAILABLE with the command that starts one. */
  coordinator(): Promise<Clients>;
}

/** Files of the installation and of this user. */
export interface Paths {
  /** The package itself: examples, deploy, dist. */
  readonly packageRoot: string;
  /** State of `quipu up`: `coordinator/`, `agent/`, `data/`. */
  readonly home: string;
  /** Programs that verbs start. */
  readonly coordinatorProgram: string;
  readonly agentProgram: string;
}

/** A command line's values, as the table of verbs declares them. */
export interface Invocation {
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** A verb's own file exports one of these. Its result is the process's exit code; none means 0. */
export type VerbAction = (context: Context, invocation: Invocation) => Promise<number | undefined>;
