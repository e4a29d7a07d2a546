/** `quipu lineage DIGEST|JOB|dataset NAME`: what something came from and what came of it. */
import { isDigest } from "../../base/bytes.js";
import { errorCodes, QuipuError } from "../../base/errors.js";
import { dotOf } from "../../proof/lineage/dot.js";
import { Graph, type Subject } from "../../proof/lineage/graph.js";
import { openLeaves } from "../../proof/lineage/open-leaves.js";
import { runEvents } from "../../proof/lineage/open-lineage.js";
import { type RunLine, runLine } from "../../proof/lineage/run-line.js";
import { countsText, countText, Tally } from "../../proof/lineage/tally.js";
import type { VerbAction } from "../context.js";
import type { Output } from "../output.js";
import { type Column, printable, renderTable, shortDigest } from "../table.js";
import { openSource, type Source } from "./source.js";

export const action: VerbAction = async (context, { args, options }) => {
  const subject = subjectOf(args);
  const isBoth = (options.up === true) === (options.down === true);
  const directions = { up: isBoth || options.up === true, down: isBoth || options.down === true };
  const source = await openSource(context, options);
  const { origin } = source.head;
  const { graph, tally } = await graphOf(source);
  const { altered, counts } = tally;
  const runs = graph.trace(subject, directions);
  const among = `among ${countsText(counts)}`;
  if (runs.length === 0) {
    throw new QuipuError("NOT_FOUND", `no run that way of ${args.join(" ")} is ${among}`, {
      next: "an artifact goes by its digest (quipu artifact ls), a job by its id (quipu job ls)",
    });
  }
  const value = { subject, ...directions, origin, ...counts, altered, runs };
  tell(
    context.output,
    origin,
    runs,
    value,
    `${origin}: ${countText(runs.length, "run", "runs")} ${among}`,
  );
  if (altered.length === 0) return 0;
  const entries = altered.map(({ index }) => index).join(", ");
  context.output.note(`left out: entries whose statement does not count: ${entries}`);
  return errorCodes.VERIFICATION_FAILED.exit;
};

function subjectOf([what = "", name]: readonly string[]): Subject {
  if (what === "dataset" && name !== undefined) return { kind: "dataset", name };
  if (name === undefined && isDigest(what)) return { kind: "digest", digest: what };
  if (name === undefined && what.startsWith("job-")) return { kind: "job", jobId: what };
  const given = [what, name ?? ""].join(" ").trim().slice(0, 100);
  throw new QuipuError("USAGE", `"${given}" is no digest, job or data set`, {
    next: "write sha256:…, job-…, or: dataset NAME",
  });
}

/** Of a statement only its line is kept. */
async function graphOf(source: Source) {
  const graph = new Graph();
  const tally = new Tally(source.head.size);
  for await (const leaf of openLeaves(source)) {
    if (!tally.take(leaf)) continue;
    const run = runLine(leaf);
    if (run !== undefined) graph.add(run);
  }
  return { graph, tally };
}

function tell(
  output: Output,
  origin: string,
  runs: readonly RunLine[],
  value: object,
  summary: string,
): void {
  output.result(value, () => {
    if (output.form === "dot") return dotOf(runs);
    if (output.form !== "openlineage") return `${renderTable(runs, columns)}\n\n${summary}`;
    const events = runs.flatMap((run) => runEvents(run, origin));
    return events.map((event) => JSON.stringify(event)).join("\n");
  });
}

const columns: readonly Column<RunLine>[] = [
  { title: "entry", cell: ({ index }) => `${index}`, right: true },
  { title: "run", cell: ({ runId }) => runId },
  { title: "job", cell: ({ jobName }) => printable(jobName) },
  {
    title: "read",
    cell: ({ inputs }) =>
      inputs.map(({ dataSet, digest }) => dataSet ?? shortDigest(digest)).join(" "),
  },
  {
    title: "made",
    cell: ({ outputs }) => outputs.map(({ digest }) => shortDigest(digest)).join(" "),
  },
  { title: "host", cell: ({ host }) => host },
  { title: "country", cell: ({ country }) => country },
  { title: "outcome", cell: ({ outcome }) => outcome },
];
