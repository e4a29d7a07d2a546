/**
 * Jobs that have to end: their deadlines have passed, or their runs have cost what they may. What waits
 * ends at once; what runs is cancelled, and ends when its host says so.
 */

import { timestamp } from "../../base/clock.js";
import { type ErrorJson, QuipuError } from "../../base/errors.js";
import type { RunRecord } from "../../io/store/records.js";
import type { Decision } from "../../model/decision.js";
import type { JobSpec } from "../../model/job.js";
import { type Core, trouble } from "../core.js";
import { mustStop } from "../job/active-runs.js";
import { cancelJob } from "../job/cancel.js";

const lookEveryMs = 1_000;
const jobsPerLook = 256;

export class Deadlines {
  /** How often one was announced; some may be in the database from before. */
  #announced = 1;
  #settled = 0;
  #nextLookAtMs = 0;

  /** A job with a deadline was admitted. */
  expect(): void {
    this.#announced += 1;
  }

  /** To be handed to `rest` where a look finds that there is none; undefined when it is not time to look. */
  look(nowMs: number): number | undefined {
    if (this.#settled === this.#announced || nowMs < this.#nextLookAtMs) return undefined;
    this.#nextLookAtMs = nowMs + lookEveryMs;
    return this.#announced;
  }

  /** No job that had not ended had one then. */
  rest(look: number): void {
    this.#settled = look;
  }
}

export async function endDue(core: Core): Promise<void> {
  const { clock, store } = core.ports;
  const atMs = clock.wallMs();
  for (const active of [...core.runs.all()]) {
    const { run, job, ending } = active;
    if (job.spentAtMs === undefined || job.spentAtMs > atMs) continue;
    if (ending || mustStop(active)) continue;
    await end(core, run.jobId, "BUDGET_SPENT", "its run has cost what its budget allows");
  }
  const look = core.deadlines.look(clock.bootMs());
  if (look === undefined) return;
  try {
    const due = await store.jobs.due(jobsPerLook, atMs);
    for (const { id, deadlineMs = 0 } of due) {
      const message = `its deadline, ${timestamp(deadlineMs)}, has passed`;
      await end(core, id, "DEADLINE_EXCEEDED", message);
    }
    if (due.length === 0 && !(await store.jobs.hasDeadlines())) core.deadlines.rest(look);
  } catch (thrown) {
    trouble(core, "deadlines", thrown); // tried again at the next look
  }
}

async function end(core: Core, id: string, code: ErrorJson["code"], why: string): Promise<void> {
  const failure = new QuipuError(code, why).toJSON();
  await cancelJob(core, id, why, failure).catch((thrown) => {
    const error = QuipuError.from(thrown);
    if (error.code !== "CONFLICT") trouble(core, `end of job ${id}`, error); // else it has ended
  });
}

/** When a run has cost what it may; undefined where nobody has said what it may, or what it costs. */
export function spentAtMs(
  { budget }: Pick<JobSpec, "budget">,
  { host, assignedAtMs }: Pick<RunRecord, "host" | "assignedAtMs">,
  decision: Pick<Decision, "offers"> | undefined,
): number | undefined {
  const { price, egress } = decision?.offers.find((offer) => offer.host === host) ?? {};
  if (budget === undefined || price === undefined || price.nanosPerSecond === 0) return undefined;
  const nanos = budget.nanos - Number(egress?.nanos ?? 0);
  return assignedAtMs + Math.floor((nanos / price.nanosPerSecond) * 1_000);
}
