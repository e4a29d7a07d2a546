/**
 * Pilots by way of three commands of the operator's: whatever a script can drive. What they are told
 * and what they answer is in docs/burst.md.
 */
import { QuipuError } from "../../base/errors.js";
import { checkPilotId, isPilotId, type PilotOrder, type Provider, type Seen } from "./provider.js";
import { plainEnvironment, runProgram } from "./run-program.js";

export interface CommandOptions {
  readonly start: readonly string[];
  readonly status: readonly string[];
  readonly stop: readonly string[];
  /** For all three, besides what says where programs and homes are. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Marks what belongs to this fleet. */
  readonly fleet: string;
}

/** How a command says that there is no quota or no capacity now (EX_TEMPFAIL of sysexits.h). */
const noRoomCode = 75;

export class CommandProvider implements Provider {
  readonly #options: CommandOptions;

  constructor(options: CommandOptions) {
    this.#options = options;
  }

  async start({ id, lifetimeMs, environment }: PilotOrder): Promise<void> {
    const seconds = `${Math.ceil(lifetimeMs / 1000)}`;
    const pilot = { QUIPU_PILOT: checkPilotId(id), QUIPU_PILOT_SECONDS: seconds };
    await this.#call("start", { ...environment, ...pilot });
  }

  /** A line a pilot: its id, then `pending` or `running`. */
  async status(): Promise<ReadonlyMap<string, Seen>> {
    const seen = new Map<string, Seen>();
    for (const line of (await this.#call("status", {})).split("\n")) {
      if (line.trim() === "") continue;
      const [id = "", state = ""] = line.trim().split(/\s+/);
      if (!isPilotId(id) || (state !== "pending" && state !== "running")) {
        throw new QuipuError("INVALID_ARGUMENT", `the status command says "${line.slice(0, 80)}"`, {
          next: "let it print a line `ID pending` or `ID running` for each pilot",
        });
      }
      seen.set(id, state);
    }
    return seen;
  }

  async stop(id: string): Promise<void> {
    await this.#call("stop", { QUIPU_PILOT: checkPilotId(id) });
  }

  async #call(
    verb: "start" | "status" | "stop",
    told: Readonly<Record<string, string>>,
  ): Promise<string> {
    const { environment, timeoutMs, fleet } = this.#options;
    const { code, stdout, stderr } = await runProgram(this.#options[verb], {
      environment: plainEnvironment({ ...environment, QUIPU_FLEET: fleet, ...told }),
      timeoutMs,
    });
    if (code === 0) return stdout;
    const said = stderr.trim().split("\n").slice(-2).join(" ").slice(0, 500);
    const text = `the ${verb} command failed with ${code}: ${said || "it said nothing"}`;
    throw new QuipuError(code === noRoomCode ? "LIMIT_EXCEEDED" : "UNAVAILABLE", text);
  }
}
