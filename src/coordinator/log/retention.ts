/**
 * What hosts have stated of a job that read a data set is erased so many days after its end as the terms say.
 * Nothing is kept of how far that is: a start looks at all such runs again, and erasing twice is once.
 */
import { dayMs } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { JobRecord, RunRecord } from "../../io/store/records.js";
import { type Core, trouble } from "../core.js";
import { eraseReceipts } from "./erase-receipts.js";

/** Terms count days, so nobody minds. */
const lookEveryMs = 60 * 60 * 1000;
const runsPerLook = 256;

/**
 * Whether nothing that comes of a job any more is to be kept: what was stated of it is gone, or would be by the
 * terms of its data. A host that was away for long comes with its receipt after the last look at the job.
 */
export async function isPastKeeping(
  { receipts, dataSets }: StoreTables,
  { dataSet }: RunRecord,
  job: JobRecord,
  nowMs: number,
): Promise<boolean> {
  const all = await receipts.ofJob(job.id);
  if (all.some(({ envelope }) => envelope.length === 0)) return true;
  const known = dataSet && (await dataSets.get(dataSet.name));
  const days = known?.facts.terms?.retentionDays;
  return days !== undefined && isOver(job, days, nowMs);
}

function isOver({ finishedAtMs }: JobRecord, days: number, nowMs: number): boolean {
  return finishedAtMs !== undefined && finishedAtMs + days * dayMs <= nowMs;
}

/** One look at the runs that read a data set, oldest first. */
interface Look {
  readonly name: string;
  readonly days: number;
  /** It has come so far. */
  at: RunRecord | undefined;
  /** Whether all up to there are done with, so that the next look may begin there. */
  isWhole: boolean;
}

export class Retention {
  readonly #core: Core;
  #looks: Look[] = [];
  /** By data set: its runs up to this one are done with. */
  readonly #doneTo = new Map<string, RunRecord>();
  #nextAtMs = 0;
  #running = false;

  constructor(core: Core) {
    this.#core = core;
  }

  /** A few runs; to be called with each tick. Never rejects: what fails is tried again the next time. */
  async step(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      await this.#step();
    } catch (thrown) {
      this.#looks = [];
      trouble(this.#core, "retention", thrown);
    }
    this.#running = false;
  }

  async #step(): Promise<void> {
    const { clock, store } = this.#core.ports;
    if (this.#looks.length === 0) {
      if (clock.bootMs() < this.#nextAtMs) return;
      this.#nextAtMs = clock.bootMs() + lookEveryMs;
      this.#looks = (await store.dataSets.all()).flatMap(({ facts: { name, terms } }) =>
        terms?.retentionDays === undefined ? [] : [this.#lookAt(name, terms.retentionDays)],
      );
    }
    const [first, ...others] = this.#looks;
    if (first !== undefined && (await this.#isDone(first))) this.#looks = others;
  }

  #lookAt(name: string, days: number): Look {
    return { name, days, at: this.#doneTo.get(name), isWhole: true };
  }

  /** Looks at some of the runs. False where more of them may be due. */
  async #isDone(look: Look): Promise<boolean> {
    const { clock, store } = this.#core.ports;
    const { at, name, days } = look;
    const runs = await store.runs.grantedSince(at?.assignedAtMs ?? 0, runsPerLook, at);
    for (const run of runs) {
      if (run.assignedAtMs + days * dayMs > clock.wallMs()) return true; // nor can any after it be due
      if (run.dataSet?.name === name && !(await this.#erase(run, look))) look.isWhole = false;
      look.at = run;
      if (look.isWhole) this.#doneTo.set(name, run);
    }
    return runs.length < runsPerLook;
  }

  /** False while its job goes on or is not over for so long, or its receipt is on its way into the log. */
  async #erase({ jobId }: RunRecord, { name, days }: Look): Promise<boolean> {
    const { clock, store } = this.#core.ports;
    const job = await store.jobs.get(jobId);
    if (job === undefined || !isOver(job, days, clock.wallMs())) return false;
    const stated = await store.receipts.ofJob(jobId);
    if (stated.every(({ envelope }) => envelope.length === 0)) return true; // gone before, as most are after a start
    const reason = `the terms of data set ${name} keep it for ${days} days`;
    try {
      await eraseReceipts(this.#core, jobId, reason);
      return true;
    } catch (thrown) {
      if (QuipuError.from(thrown).code === "CONFLICT") return false;
      throw thrown;
    }
  }
}
