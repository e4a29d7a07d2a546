/**
 * A decision made again from its record: the fleet and what the law said come from the papers that
 * it names, so that neither today's hosts nor today's rules play a part.
 */
import { type Digest, digestOf } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { DataSet } from "../../model/data-set.js";
import type { Decision, LawGroup, LawReport } from "../../model/decision.js";
import type { HostView } from "../../model/host.js";
import type { JobSpec } from "../../model/job.js";
import type { PriceBook } from "../../model/price-book.js";
import type { Counts } from "../../model/terms.js";
import { type Ask, Asks, type Law } from "./ask.js";
import { Board } from "./board.js";
import { decide } from "./decide.js";
import { readFleet } from "./fleet.js";

export type ReadPaper = (digest: Digest) => Promise<Uint8Array | undefined>;

export interface Asked {
  readonly job: JobSpec;
  readonly jobDigest: Digest;
  /** As it was registered then; a data set's facts do not change. */
  readonly dataSet: DataSet | undefined;
}

/** The same record, unless something in it, or in its papers, is not what it was. */
export async function replay(decision: Decision, asked: Asked, read: ReadPaper): Promise<Decision> {
  const { id, at, bounds, version } = decision;
  const { asks, law, counts, book } = await recall(decision, read);
  return decide(asks, { ...asked, id, at, counts, bounds, policy: law, book, version }).decision;
}

/** The fleet and the law as they were: what any host was to the job. */
export async function recallAsk(
  decision: Decision,
  { job, dataSet }: Omit<Asked, "jobDigest">,
  read: ReadPaper,
): Promise<Ask> {
  const { asks, law, counts, book } = await recall(decision, read);
  const { at, bounds, version } = decision;
  return asks.ask(law, { job, dataSet, at, counts, bounds, version }, book);
}

interface Recalled {
  readonly asks: Asks;
  readonly law: Law;
  readonly counts: Counts | undefined;
  readonly book: PriceBook | undefined;
}

async function recall(decision: Decision, read: ReadPaper): Promise<Recalled> {
  const board = new Board(await readFleet(decision.fleetDigest, read));
  board.origin(); // names the fleet before anything is taken of it
  for (const taken of decision.taken) board.take(taken.host, taken);
  const report = (await readPaper(decision.lawDigest, read)) as LawReport;
  const { priceBookDigest } = decision;
  const book = priceBookDigest === undefined ? undefined : await readPaper(priceBookDigest, read);
  return {
    asks: new Asks(board),
    law: recordedLaw(report),
    counts: report.counts,
    book: book as PriceBook | undefined,
  };
}

async function readPaper(digest: Digest, read: ReadPaper): Promise<unknown> {
  const content = await read(digest);
  if (content === undefined) throw new QuipuError("NOT_FOUND", `no paper ${digest} is kept`);
  if (digestOf(content) !== digest) {
    throw new QuipuError("CONFLICT", `the paper ${digest} is not what it was`);
  }
  return JSON.parse(new TextDecoder().decode(content));
}

/** Says of each host what the report says of its group. */
function recordedLaw({ policyDigest, groups }: LawReport): Law {
  const namesHosts = groups.some(({ host }) => host !== undefined);
  const keyOf = ({ name, place }: Pick<HostView, "name" | "place">) =>
    namesHosts ? name : JSON.stringify(place);
  const verdicts = new Map(
    groups.map((group) => [keyOf({ name: group.host ?? "", place: group.place }), group.verdict]),
  );
  const runOn: Law["runOn"] = ({ host }) => {
    const verdict: LawGroup["verdict"] | undefined = verdicts.get(keyOf(host));
    if (verdict !== undefined) return verdict;
    throw new QuipuError("CONFLICT", `the law report says nothing of host ${host.name}`);
  };
  const holdsUntilMs = () => Number.POSITIVE_INFINITY; // a report is of one moment
  return { digest: policyDigest, namesJobs: false, namesHosts, holdsUntilMs, runOn };
}
