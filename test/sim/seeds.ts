/** Many seeds over several processes. Reports come in the order of the seeds, however many play. */
import { type ChildProcess, fork } from "node:child_process";
import { resolve } from "node:path";
import type { SeedAsked, SeedReport } from "./worker.js";
import type { Canary } from "./world.js";

const program = resolve(import.meta.dirname, "worker.js");
/** A seed takes well under a second: one that takes so long never ends. */
const seedMsMax = 120_000;
/** Reports that wait for an earlier seed's at most: so far ahead nobody plays. */
const aheadMax = 64;

export interface SeedsAsked {
  readonly first: number;
  readonly count: number;
  readonly processes: number;
  readonly canary?: Canary | undefined;
  readonly withTrace?: boolean | undefined;
}

/** What is told of a seed whose process has not survived it. */
export type SeedOutcome = SeedReport | { readonly seed: number; readonly died: string };

/** False from `told` ends it early. */
export async function playSeeds(
  asked: SeedsAsked,
  told: (outcome: SeedOutcome) => boolean,
): Promise<void> {
  const line = new SeedLine(asked, told);
  const count = Math.min(asked.processes, asked.count);
  await Promise.all(Array.from({ length: count }, () => playOn(line)));
}

/** Hands seeds out in order, and passes on what comes of them in order. */
class SeedLine {
  readonly #asked: SeedsAsked;
  readonly #told: (outcome: SeedOutcome) => boolean;
  readonly #early = new Map<number, SeedOutcome>();
  readonly #waiting: (() => void)[] = [];
  #given: number;
  #due: number;
  #over = false;

  constructor(asked: SeedsAsked, told: (outcome: SeedOutcome) => boolean) {
    this.#asked = asked;
    this.#told = told;
    this.#given = asked.first;
    this.#due = asked.first;
  }

  async next(): Promise<SeedAsked | undefined> {
    while (!this.#over && this.#given - this.#due >= aheadMax) {
      await new Promise<void>((go) => this.#waiting.push(go));
    }
    const { first, count, canary, withTrace = false } = this.#asked;
    if (this.#over || this.#given >= first + count) return undefined;
    const seed = this.#given;
    this.#given += 1;
    return { seed, canary, withTrace };
  }

  take(outcome: SeedOutcome): void {
    this.#early.set(outcome.seed, outcome);
    for (;;) {
      const due = this.#early.get(this.#due);
      if (due === undefined || this.#over) break;
      this.#early.delete(this.#due);
      this.#due += 1;
      this.#over = !this.#told(due);
    }
    for (const go of this.#waiting.splice(0)) go();
  }
}

async function playOn(line: SeedLine): Promise<void> {
  let child: ChildProcess | undefined;
  for (;;) {
    const asked = await line.next();
    if (asked === undefined) break;
    child ??= fork(program, { execArgv: [] });
    const outcome = await ask(child, asked);
    if ("died" in outcome) child = undefined;
    line.take(outcome);
  }
  child?.disconnect();
}

function ask(child: ChildProcess, asked: SeedAsked): Promise<SeedOutcome> {
  return new Promise((resolve) => {
    const end = (outcome: SeedOutcome) => {
      clearTimeout(tooLong);
      child.removeAllListeners();
      resolve(outcome);
    };
    const died = (how: string) => end({ seed: asked.seed, died: how });
    const tooLong = setTimeout(() => {
      child.kill("SIGKILL");
      died(`it did not end within ${seedMsMax / 1000} s`);
    }, seedMsMax);
    child.on("message", (report: SeedReport) => end(report));
    child.on("error", (error) => died(`its process could not be asked: ${error.message}`));
    child.on("exit", (code, signal) => died(`its process ended (${signal ?? code})`));
    child.send(asked);
  });
}
