import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { equalBytes } from "../../base/bytes.js";
import { dayMs } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import type { LogService, RunUsageSchema } from "../../gen/quipu/v1/log_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { LoggedReceipt } from "../../io/store/coordinator-store.js";
import { auditOwner, type Finding } from "../../model/audit.js";
import type { Statement } from "../../model/statement.js";
import { entryBytes, parseEnvelope } from "../../proof/receipt/envelope.js";
import { jobOf, parseStatement } from "../../proof/receipt/statement.js";
import { leafHash } from "../../proof/tlog/hash.js";
import { entryIndex } from "./entry-index.js";
import type { Durable } from "./log-service.js";
import { pageSize } from "./page-size.js";

const runsUsual = 256;
const runsMax = 1_000;
/** A receipt that came in may say that its run ended so much later: clocks of hosts differ. */
const clockSkewMsMax = dayMs;

const charges: Readonly<Record<Finding, "due" | "held" | "withheld">> = {
  open: "due",
  right: "due",
  disputed: "held",
  alone: "held",
  wrong: "withheld",
  silent: "due",
};

type RunUsage = MessageInitShape<typeof RunUsageSchema>;

/**
 * A receipt was verified before it was logged; here it is compared with its entry, which names its
 * bytes, signature and key. So a store that was changed afterwards changes no meter. Which runs looked into
 * others, and which were found wrong, receipts cannot say: that is the store's, and the log has acts of it.
 */
export function listUsage(core: Durable): Handlers<typeof LogService>["listUsage"] {
  return async ({ since, until, firstIndex, limit }) => {
    const [sinceMs, untilMs] = [ms(since, 0), ms(until, Number.POSITIVE_INFINITY)];
    const count = pageSize(limit, runsUsual, runsMax);
    const page = await core.ports.store.receipts.logged(
      entryIndex(firstIndex),
      Math.max(0, sinceMs - clockSkewMsMax),
      count,
    );
    const runs: RunUsage[] = [];
    const unverified: string[] = [];
    let erased = 0n;
    for (const receipt of page) {
      if (receipt.envelope.length === 0) {
        erased += 1n;
        continue;
      }
      const statement = await statementOf(core, receipt);
      if (statement === undefined) unverified.push(receipt.runId);
      else {
        const atMs = Date.parse(statement.predicate.runDetails.metadata.finishedOn);
        if (atMs >= sinceMs && atMs < untilMs) runs.push(usageOf(receipt, statement, atMs));
      }
    }
    const last = page.at(-1);
    const more = last !== undefined && page.length === count;
    return { runs, unverified, erased, ...(more ? { nextIndex: BigInt(last.logIndex + 1) } : {}) };
  };
}

/** What the receipt states, if it is the one that its entry of the log speaks of. */
async function statementOf(
  { ports: { log } }: Durable,
  { logIndex, envelope, receiptKey }: LoggedReceipt,
): Promise<Statement | undefined> {
  try {
    const parsed = parseEnvelope(envelope);
    const [leaf] = await log.leafHashes(logIndex, logIndex + 1);
    const own = leafHash(entryBytes(parsed, receiptKey));
    return leaf !== undefined && equalBytes(leaf, own) ? parseStatement(parsed.payload) : undefined;
  } catch (thrown) {
    const { code } = QuipuError.from(thrown);
    if (code === "VERIFICATION_FAILED" || code === "INVALID_ARGUMENT") return undefined;
    throw thrown;
  }
}

function usageOf(receipt: LoggedReceipt, statement: Statement, atMs: number): RunUsage {
  const { runId, logIndex, finding } = receipt;
  const { run, host, execution, usage } = statement.predicate;
  const job = jobOf(statement);
  return {
    logIndex: BigInt(logIndex),
    runId,
    jobId: run.jobId,
    jobName: job.name,
    owner: receipt.owner === auditOwner ? auditOwner : job.owner,
    host: host.name,
    country: host.place.country,
    site: host.place.site,
    device: execution?.devices.join(",") ?? "",
    outcome: run.outcome,
    finishedAt: timestampFromMs(atMs),
    wallMs: BigInt(usage.wallMs),
    deviceMs: BigInt(usage.deviceMs),
    cpuMs: BigInt(usage.cpuMs),
    inputBytes: BigInt(usage.inputBytes),
    outputBytes: BigInt(usage.outputBytes),
    charge: finding === undefined ? "due" : charges[finding],
  };
}

function ms(time: Timestamp | undefined, otherwise: number): number {
  return time === undefined ? otherwise : timestampMs(time);
}
