/**
 * Which runs read a data set, and whether none of them ran outside some countries. A run that nobody can
 * open may be one of them: so it is counted, and a claim about all runs is complete only without any.
 */
import type { Digest } from "../../base/bytes.js";
import {
  type AlteredLeaf,
  type OpenedLeaf,
  openLeaves,
  proveLeaf,
  type ReadLog,
} from "./open-leaves.js";
import { type RunLine, runLine } from "./run-line.js";
import { type Counts, countsText, countText, Tally } from "./tally.js";

export interface Question {
  readonly dataSet: string;
  /** These very files, under whatever name; else whatever has had the data set's name. */
  readonly manifest?: Digest | undefined;
  /** Countries outside of which no run is claimed to have read it. */
  readonly neverOutside?: readonly string[] | undefined;
}

export interface Findings extends Counts {
  readonly altered: readonly AlteredLeaf[];
  /** Of the runs, those by a key that no entry of the log registers for their host. */
  readonly unregistered: readonly string[];
  /** That read it, each proved to be in the log. */
  readonly runs: readonly RunLine[];
  readonly claim?: Claim;
}

export interface Claim {
  readonly neverOutside: readonly string[];
  /** `incomplete`: none is known, and entries are unknown or erased, or a host's key is. */
  readonly verdict: "holds" | "broken" | "incomplete";
  /** Runs outside. */
  readonly outside: readonly string[];
  readonly text: string;
}

/** `keep` is given each leaf that was opened, with its proof; without it only runs that read are proved. */
export async function auditDataSet(
  question: Question,
  log: ReadLog,
  keep?: (leaf: OpenedLeaf, hashes: readonly Uint8Array[]) => Promise<void>,
): Promise<Findings> {
  const runs: RunLine[] = [];
  const { reader, head } = log;
  const tally = new Tally(head.size);
  for await (const leaf of openLeaves(log)) {
    const run = tally.take(leaf) ? runLine(leaf) : undefined;
    const asked = run !== undefined && hasRead(run, question) ? [run] : [];
    runs.push(...asked);
    if ("fault" in leaf || (asked.length === 0 && keep === undefined)) continue;
    const hashes = await proveLeaf(reader, head, leaf);
    await keep?.(leaf, hashes);
  }
  const { altered, counts, keys } = tally;
  const unregistered = runs.filter((run) => !keys.isRegistered(run)).map(({ runId }) => runId);
  const found = { ...counts, altered, unregistered, runs };
  const { neverOutside } = question;
  return neverOutside === undefined ? found : { ...found, claim: judge(neverOutside, found) };
}

function hasRead({ inputs }: RunLine, { dataSet, manifest }: Question): boolean {
  return inputs.some((input) => {
    if (input.dataSet === undefined) return false;
    return manifest === undefined ? input.dataSet === dataSet : input.digest === manifest;
  });
}

function judge(
  neverOutside: readonly string[],
  { runs, unregistered, ...counts }: Findings,
): Claim {
  const outside = runs.filter(({ country }) => !neverOutside.includes(country));
  const found = outside.length === 0 ? "no run" : countText(outside.length, "run", "runs");
  const isKnown = counts.opened === counts.entries && unregistered.length === 0;
  const strange = unregistered.length === 0 ? "" : `; ${unregisteredText(unregistered)}`;
  return {
    neverOutside,
    verdict: outside.length > 0 ? "broken" : isKnown ? "holds" : "incomplete",
    outside: outside.map(({ runId }) => runId),
    text: `${found} outside {${neverOutside.join(", ")}} among ${countsText(counts)}${strange}`,
  };
}

export function unregisteredText({ length }: readonly string[]): string {
  return `${countText(length, "run", "runs")} by a key that no entry registers for its host`;
}
