/** What must hold of what is durable when a simulation is over. */
import { type Digest, digestOf, toHex } from "../../src/base/bytes.js";
import { canonicalBytes } from "../../src/base/canonical-json.js";
import { poisonedHostsMax, retryAfter } from "../../src/coordinator/job/retry.js";
import { specOf } from "../../src/coordinator/job/specs.js";
import { decisionOf } from "../../src/coordinator/wire.js";
import type { CoordinatorStore } from "../../src/io/store/coordinator-store.js";
import type { JobRecord, ReceiptRecord } from "../../src/io/store/records.js";
import { isTerminal } from "../../src/model/job.js";
import { entryOf } from "../../src/proof/receipt/envelope.js";
import { fsckLog } from "../../src/proof/tlog/fsck.js";
import { leafHash } from "../../src/proof/tlog/hash.js";
import { LogReader } from "../../src/proof/tlog/reader.js";
import type { VerifierKey } from "../../src/proof/tlog/verifier-key.js";
import { replay } from "../../src/scheduler/placement/replay.js";
import type { LogDisk } from "../memory-log-store.js";
import { checkAudits } from "./audit-checks.js";
import { see } from "./looks.js";
import type { World } from "./world.js";

/** At the end: either all of a gang are well, or each of those that are not says why. */
function checkGangEnds(world: World, jobs: readonly JobRecord[]): void {
  for (const { id, gangId, state, failure, cancelReason } of jobs) {
    if (gangId === undefined || state === "succeeded") continue;
    const others = jobs.filter((other) => other.gangId === gangId && other.id !== id);
    const isAlone = others.every((other) => other.state === "succeeded");
    const isTold = failure !== undefined || cancelReason !== undefined || state === "refused";
    if (!isTold) world.violated(`${id} of a gang is ${state} and does not say why`);
    if (isAlone && failure?.code === "PREEMPTED") world.violated(`${id} is lost to its own gang`);
  }
}

export interface Durable {
  readonly jobs: readonly JobRecord[];
  readonly logged: readonly ReceiptRecord[];
  readonly evidence: readonly ReceiptRecord[];
  readonly logSize: number;
  /** Decisions that were made again from their records. */
  readonly replayed: number;
  readonly audits: number;
}

/** Jobs, receipts and log against each other, once everything has come to rest. */
export async function checkDurable(
  world: World,
  store: CoordinatorStore,
  disk: LogDisk,
  logKey: VerifierKey,
  accepted: ReadonlyMap<string, number>,
): Promise<Durable> {
  const { jobs } = await see(store);
  const logged = await store.receipts.inStage("logged");
  const evidence = await store.receipts.inStage("evidence");
  const read = async (path: string) => disk.files.get(path);
  const report = await fsckLog(read, [logKey]);
  for (const problem of report.problems) world.violated(`log: ${JSON.stringify(problem)}`);
  const leaves = (await new LogReader(read).leafHashes(0, report.size, report.size)).map(toHex);
  for (const { id } of await store.runs.inStages(["assigned", "acknowledged"])) {
    if (jobs.every(({ state }) => isTerminal(state))) world.violated(`${id} is still granted`);
  }
  await checkReceipts(world, store, jobs, logged, leaves);
  checkGangEnds(world, jobs);
  const replayed = await checkDecisions(world, store);
  const notices = await checkNotices(world, store, jobs, logged, leaves);
  if (leaves.length !== logged.length + notices) {
    const counts = `${logged.length} receipts and ${notices} notices`;
    world.violated(`the log has ${leaves.length} entries for ${counts}`);
  }
  const receipts = new Map(logged.map((receipt) => [receipt.runId, receipt]));
  for (const [runId, index] of accepted) {
    if (receipts.get(runId)?.logIndex === index) continue;
    world.violated(`${runId} was acknowledged at ${index} and is not logged there`);
  }
  const audits = await checkAudits(world, store);
  return { jobs, logged, evidence, logSize: leaves.length, replayed, audits };
}

/** How many. Each is in the log, and tells how a job ended exactly where no receipt does. */
async function checkNotices(
  world: World,
  store: CoordinatorStore,
  jobs: readonly JobRecord[],
  receipts: readonly ReceiptRecord[],
  leaves: readonly string[],
): Promise<number> {
  for (const { id } of await store.notices.staged(100)) world.violated(`${id} is not in the log`);
  const notices = await store.notices.logged(0, 100_000);
  for (const { id, envelope, key, logIndex = -1 } of notices) {
    const leaf = toHex(leafHash(entryOf(envelope, key)));
    if (leaves[logIndex] !== leaf) world.violated(`notice ${id} is not at ${logIndex}`);
  }
  const told = new Set(notices.map(({ id }) => id));
  const signed = new Set(receipts.map(({ jobId }) => jobId));
  for (const { id, state } of jobs) {
    if (!isTerminal(state) || told.has(id) !== signed.has(id)) continue;
    world.violated(`${id} is ${state}, and ${told.has(id) ? "two say" : "nobody says"} so`);
  }
  return notices.length;
}

/** Each decision that granted a run is made again from what is durable. How many. */
async function checkDecisions(world: World, store: CoordinatorStore): Promise<number> {
  const runs = await store.runs.grantedSince(0, 10_000);
  for (const { id, jobId, decisionId, decisionDigest } of runs) {
    const job = await store.jobs.get(jobId);
    const kept = await store.decisions.get(decisionId);
    const decision = kept === undefined ? undefined : decisionOf(kept.content);
    if (job === undefined || decision === undefined) {
      world.violated(`${id} was granted by a decision that is gone`);
      continue;
    }
    const spec = specOf(job);
    const name = spec.dataSet;
    const dataSet = name === undefined ? undefined : (await store.dataSets.get(name))?.facts;
    const asked = { job: spec, jobDigest: job.specDigest, dataSet };
    try {
      const made = await replay(decision, asked, (digest) => store.papers.get(digest));
      if (digestOf(canonicalBytes(made)) === decisionDigest) continue;
      world.violated(`${id} was granted by a decision that is not made again`);
    } catch (thrown) {
      world.violated(`the decision that granted ${id} cannot be made again: ${thrown}`);
    }
  }
  return runs.length;
}

async function checkReceipts(
  world: World,
  store: CoordinatorStore,
  jobs: readonly JobRecord[],
  logged: readonly ReceiptRecord[],
  leaves: readonly string[],
): Promise<void> {
  const jobsSeen = new Set<string>();
  for (const { runId, jobId, envelope, logIndex = -1 } of logged) {
    if (jobsSeen.has(jobId)) world.violated(`${jobId} has two accepted receipts`);
    jobsSeen.add(jobId);
    const run = await store.runs.get(runId);
    const counts = jobs.find(({ id }) => id === jobId)?.runId;
    if (counts !== runId)
      world.violated(`${jobId} has a receipt of ${runId} and waits for ${counts}`);
    const entry = run === undefined ? undefined : entryOf(envelope, run.receiptKey);
    const leaf = entry === undefined ? "" : toHex(leafHash(entry));
    if (leaves[logIndex] !== leaf) world.violated(`the receipt of ${runId} is not at ${logIndex}`);
    const known: Digest = `sha256:${leaf}`;
    if ((await store.logIndex.get(known)) !== logIndex) {
      world.violated(`the index does not know the receipt of ${runId}`);
    }
  }
  for (const job of jobs) {
    const { id, state, result, failure, waitsFor, waits, failedHosts = [] } = job;
    const { epoch, attemptsMax, cancelReason } = job;
    if (waits?.intervals.some(({ untilMs }) => untilMs === undefined)) {
      world.violated(`${id} is ${state} and waits all the same`);
    }
    if (state === "succeeded" && waitsFor) world.violated(`${id} did not wait for ${waitsFor}`);
    if (epoch > attemptsMax) world.violated(`${id} was tried ${epoch} times, not ${attemptsMax}`);
    const mayGoOn = epoch < attemptsMax && cancelReason === undefined;
    if (state === "failed" && mayGoOn && failure && retryAfter(failure.code) === "elsewhere") {
      world.violated(`${id} failed of ${failure.code} at its attempt ${epoch} of ${attemptsMax}`);
    }
    const dead = failedHosts.length;
    if (failure?.code === "POISONED" ? dead < poisonedHostsMax : dead > poisonedHostsMax) {
      world.violated(`${id} is ${state} after ${dead} hosts failed it`);
    }
    const settled = state === "succeeded" || state === "failed";
    if (settled && !jobsSeen.has(id)) world.violated(`${id} is ${state} without a receipt`);
    if (jobsSeen.has(id) && result === undefined) {
      world.violated(`${id} has a receipt and is ${state} without a result`);
    }
  }
}
