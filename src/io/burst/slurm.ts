/**
 * Pilots as batch jobs of Slurm: one job a pilot, found again by its name. Slurm's own time limit ends
 * what forgets to end itself.
 */
import { QuipuError } from "../../base/errors.js";
import { checkPilotId, isPilotId, type PilotOrder, type Provider, type Seen } from "./provider.js";
import { plainEnvironment, runProgram } from "./run-program.js";

export interface SlurmOptions {
  /** Begins the names of this fleet's jobs; another fleet of the same user has another one. */
  readonly fleet: string;
  /** `quipud` on a node, and how it is run. */
  readonly agent: readonly string[];
  /** More options of `sbatch`. */
  readonly sbatch: readonly string[];
  /** Folder on the node for what a pilot keeps while it lives. */
  readonly scratch: string;
  /** Folder on the node whose subfolders are data sets. */
  readonly data?: string | undefined;
  /** For Slurm's commands, such as SLURM_CONF. */
  readonly environment: Readonly<Record<string, string>>;
}

const commandMs = 60_000;
/** States in which a job may still come to run; in others that are listed it is about to be gone. */
const pendingStates = ["PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"];
/** How Slurm says that there is no room for this user, whatever the option that was meant. */
const quotaPattern =
  /limit|QOS|quota|Requested node configuration is not available|temporarily unable to accept/i;
const silentPattern = /Unable to contact|Connection refused|timed out|Socket|authentication/i;

export class SlurmProvider implements Provider {
  readonly #options: SlurmOptions;

  constructor(options: SlurmOptions) {
    this.#options = options;
  }

  async start({ id, lifetimeMs, environment }: PilotOrder): Promise<void> {
    if ((await this.status()).has(checkPilotId(id))) return;
    const { sbatch } = this.#options;
    const minutes = Math.max(1, Math.ceil(lifetimeMs / 60_000));
    const options = [
      `--job-name=${this.#jobName(id)}`,
      `--time=${minutes}`,
      "--no-requeue", // a pilot has one life
      "--export=ALL", // of an environment that holds what the pilot is to know and no more
    ];
    const script = this.#script();
    // The operator's own options come last, so that they win.
    const order = ["sbatch", "--parsable", "--output=/dev/null", ...options, ...sbatch];
    await this.#call(order, { environment, input: script });
  }

  async status(): Promise<ReadonlyMap<string, Seen>> {
    const listed = await this.#call(["squeue", "--noheader", "--me", "--format=%j|%T"]);
    const seen = new Map<string, Seen>();
    for (const line of listed.split("\n")) {
      const [job = "", state = ""] = line.trim().split("|");
      if (!job.startsWith(this.#jobName(""))) continue;
      const id = job.slice(this.#jobName("").length);
      if (isPilotId(id)) seen.set(id, pendingStates.includes(state) ? "pending" : "running");
    }
    return seen;
  }

  async stop(id: string): Promise<void> {
    await this.#call(["scancel", "--quiet", `--name=${this.#jobName(checkPilotId(id))}`, "--me"]);
  }

  #jobName(id: string): string {
    return `quipu-${this.#options.fleet}-${id}`;
  }

  /** What the agent is told comes by its environment; a batch script can be read by others. */
  #script(): string {
    const { agent, scratch, data } = this.#options;
    const words = agent.map(quoted).join(" ");
    return [
      "#!/bin/sh",
      `folder=$(mktemp -d ${quoted(`${scratch}/quipu-pilot-XXXXXX`)}) || exit 1`,
      `trap 'rm -rf "$folder"' EXIT`,
      // Slurm tells every process of the job to end; the shell waits for the agent to have done so.
      "trap : TERM",
      `${words} --state "$folder/state" --data ${data === undefined ? '"$folder/data"' : quoted(data)} &`,
      "agent=$!",
      "while kill -0 $agent 2>/dev/null; do wait $agent; done",
      "",
    ].join("\n");
  }

  async #call(
    command: readonly string[],
    given: { environment?: Readonly<Record<string, string>>; input?: string } = {},
  ): Promise<string> {
    const own = this.#options.environment;
    const { code, stdout, stderr } = await runProgram(command, {
      environment: plainEnvironment({ ...own, ...given.environment }),
      ...(given.input === undefined ? {} : { input: given.input }),
      timeoutMs: commandMs,
    });
    if (code === 0) return stdout;
    const said = stderr.trim().split("\n").slice(-2).join(" ").slice(0, 500);
    throw new QuipuError(codeOf(stderr), `${command[0]} failed with ${code}: ${said}`, {
      next: "try the same command by hand; `docs/burst.md` says which it is",
    });
  }
}

function codeOf(stderr: string): "UNAVAILABLE" | "LIMIT_EXCEEDED" | "INVALID_ARGUMENT" {
  if (silentPattern.test(stderr)) return "UNAVAILABLE";
  return quotaPattern.test(stderr) ? "LIMIT_EXCEEDED" : "INVALID_ARGUMENT";
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
