/**
 * What other hosts are asked about a run. Where its bits are the only right ones: the very job again, so
 * that the same rules hold for it. Where its products were fast and bits may differ: whether what it
 * claims is within their error model. For that there is one right answer too.
 */
import { type Digest, digestOf, toHex } from "../../base/bytes.js";
import type { JobRecord } from "../../io/store/records.js";
import type { Outcome } from "../../model/audit.js";
import {
  canonicalTask,
  type JobSpec,
  jobBytes,
  mayDiffer,
  type TensorTask,
} from "../../model/job.js";
import { type CheckTask, productCheckBytes } from "../../model/product-check.js";
import type { Core } from "../core.js";
import { specOf } from "../job/specs.js";
import { outcomeOf } from "./answer.js";

export interface Question {
  readonly spec: Uint8Array;
  readonly specDigest: Digest;
  /** What the run itself says to it. */
  readonly claim: Outcome;
  /** The name of the run's own output that it is about, if it is about one. */
  readonly takes?: string;
}

/** A wrong product passes with the chance 2^-20 at most. */
const roundsUsual = 20;
const seedBytes = 32;
const tensorsType = "application/x-safetensors";

/** Undefined where nothing of it can be compared. `job` has succeeded. */
export function questionOf(core: Core, job: JobRecord): Question | undefined {
  const claim = outcomeOf(job);
  return claim === undefined ? checkQuestion(core, job) : sameQuestion(job, claim);
}

/** The very job; of one that was to be fast and says that all hosts get its bits, what gives those. */
function sameQuestion({ spec, specDigest }: JobRecord, claim: Outcome): Question {
  const asked = specOf({ spec });
  const { task } = asked;
  if (task.driver !== "tensor" || !mayDiffer(task)) return { spec, specDigest, claim };
  const bytes = jobBytes({ ...asked, task: { ...canonicalTask(task), backend: "auto" } });
  return { spec: bytes, specDigest: digestOf(bytes), claim };
}

function checkQuestion(core: Core, job: JobRecord): Question | undefined {
  const asked = specOf(job);
  const outputs = job.result?.outputs ?? [];
  // The host says what is what: where it calls nothing so, whatever it gave is held to be it.
  const claimed = outputs.find(({ mediaType }) => mediaType === tensorsType) ?? outputs[0];
  const { task } = asked;
  if (claimed === undefined || task.driver !== "tensor" || task.fast === undefined)
    return undefined;
  if (core.audits.isNoProduct(task.model)) return undefined;
  const seed = toHex(core.ports.random.bytes(seedBytes)); // drawn now that the outputs are claimed
  const of = { outputs: claimed.digest, seed, rounds: roundsUsual };
  const check = checkOf({ ...task, fast: task.fast }, of);
  const bytes = jobBytes(checkJob(asked, check));
  return {
    spec: bytes,
    specDigest: digestOf(bytes),
    claim: digestOf(productCheckBytes(check, true)),
    takes: claimed.name,
  };
}

function checkOf(
  { vote: _, ...task }: TensorTask & Pick<CheckTask, "fast">,
  check: CheckTask["check"],
): CheckTask {
  return { ...task, backend: "auto", check };
}

/** On any device: it is done in binary64, on the processor. */
function checkJob({ resources, ...spec }: JobSpec, task: CheckTask): JobSpec {
  const { computeCapabilityMin: _, driverMin: __, slice: ___, ...rest } = resources;
  return { ...spec, resources: { ...rest, device: "cpu", memoryBytes: 0 }, task };
}
