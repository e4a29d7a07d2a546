/** How an audit is told, and how a command that made it ends. */
import { toHex } from "../../base/bytes.js";
import { errorCodes } from "../../base/errors.js";
import { type Findings, type Question, unregisteredText } from "../../proof/lineage/audit.js";
import type { RunLine } from "../../proof/lineage/run-line.js";
import { countsText, countText } from "../../proof/lineage/tally.js";
import type { Output } from "../output.js";
import { type Column, printable, renderTable, shortDigest } from "../table.js";
import type { Source } from "./source.js";

const columns: readonly Column<RunLine>[] = [
  { title: "entry", cell: ({ index }) => `${index}`, right: true },
  { title: "run", cell: ({ runId }) => runId },
  { title: "job", cell: ({ jobName }) => printable(jobName) },
  { title: "finished", cell: ({ finishedOn }) => finishedOn },
  { title: "host", cell: ({ host }) => host },
  { title: "country", cell: ({ country }) => country },
  { title: "site", cell: ({ site }) => site },
  { title: "place", cell: ({ grade }) => grade },
  { title: "outcome", cell: ({ outcome }) => outcome },
  { title: "outputs", cell: outputsText },
];

export function tellAudit(
  output: Output,
  { head, key }: Source,
  question: Question,
  findings: Findings,
): number {
  const { origin, size, root } = head;
  const { dataSet, manifest = null } = question;
  const checkpoint = { origin, size, rootHash: toHex(root) };
  const { claim = null, ...facts } = findings;
  const value = { dataSet, manifest, logKey: key.name, checkpoint, ...facts, claim };
  output.result(value, () => page(output, origin, question, findings));
  if (claim?.verdict === "broken" || findings.altered.length > 0) {
    return errorCodes.VERIFICATION_FAILED.exit;
  }
  return claim?.verdict === "incomplete" ? errorCodes.NOT_FOUND.exit : 0;
}

function page(
  output: Output,
  origin: string,
  { dataSet, manifest }: Question,
  { altered, unregistered, runs, claim, ...counts }: Findings,
): string {
  const what = manifest === undefined ? printable(dataSet) : `manifest ${shortDigest(manifest)}`;
  const by = runs.length === 0 ? "no run" : countText(runs.length, "run", "runs");
  const lines = [
    ...(runs.length === 0 ? [] : [renderTable(runs, columns), ""]),
    `${origin}: ${what} was read by ${by} among ${countsText(counts)}`,
    ...altered.map(({ index, fault }) => {
      return output.style(
        "red",
        `entry ${index}: its statement does not count: ${printable(fault)}`,
      );
    }),
    ...(unregistered.length === 0
      ? []
      : [output.style("yellow", `${unregisteredText(unregistered)}: ${unregistered.join(", ")}`)]),
  ];
  if (claim !== undefined) {
    const style = ({ holds: "green", broken: "red", incomplete: "yellow" } as const)[claim.verdict];
    lines.push(`${claim.text}: ${output.style(style, `the claim ${verdicts[claim.verdict]}`)}`);
  }
  return lines.join("\n");
}

const verdicts = { holds: "holds", broken: "is broken", incomplete: "is incomplete" } as const;

function outputsText({ outputs }: RunLine): string {
  const [first, ...more] = outputs;
  if (first === undefined) return "";
  const rest = more.length === 0 ? "" : ` and ${more.length} more`;
  return `${printable(first.name)} ${shortDigest(first.digest)}${rest}`;
}
