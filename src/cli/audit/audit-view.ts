/** A run that was run again, as `-o json` prints it and as people read it. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { timestamp } from "../../base/clock.js";
import { errorCodes, QuipuError } from "../../base/errors.js";
import type { Audit } from "../../gen/quipu/v1/audit_pb.js";
import type { Context } from "../context.js";
import { type Column, shortDigest } from "../table.js";

export function auditView({ openedAt, closedAt, answers, ...audit }: Audit) {
  const { id, runId, jobId, reason, state, againJobId } = audit;
  return {
    ...{ id, runId, jobId, reason, state, againJobId },
    openedAt: timeText(openedAt),
    closedAt: timeText(closedAt),
    answers: answers.map(({ $typeName: _, $unknown: __, ...answer }) => answer),
  };
}

export type AuditView = ReturnType<typeof auditView>;

export const auditColumns: readonly Column<AuditView>[] = [
  { title: "AUDIT", cell: ({ id }) => id },
  { title: "JOB", cell: ({ jobId }) => jobId },
  { title: "STATE", cell: ({ state }) => state },
  { title: "WHY", cell: ({ reason }) => reason },
  { title: "OPENED", cell: ({ openedAt }) => openedAt ?? "-" },
  { title: "ANSWERS", cell: ({ answers }) => answersText(answers) },
];

/** What others said of the run's own answer. */
export function ownFinding({ runId, answers }: AuditView): string {
  return answers.find((answer) => answer.runId === runId)?.finding ?? "open";
}

/** On one line. */
export function auditText({ state, answers }: AuditView): string {
  return `${state}: ${answersText(answers)}`;
}

/** Exit code 6 where the run's own answer was found wrong. */
export function printAudit({ output }: Context, audit: Audit | undefined): number {
  if (audit === undefined)
    throw new QuipuError("INTERNAL", "an audit was answered without its value");
  const view = auditView(audit);
  output.result({ audit: view }, () => page(view));
  return ownFinding(view) === "wrong" ? errorCodes.VERIFICATION_FAILED.exit : 0;
}

function page(audit: AuditView): string {
  const { id, runId, jobId, reason, state, againJobId, openedAt, closedAt, answers } = audit;
  const lines = [
    `${id}  ${state}`,
    `looks into run ${runId} of job ${jobId} (${reasonTexts[reason] ?? reason})`,
    `opened     ${openedAt ?? "-"}${closedAt === null ? `, job ${againJobId} runs it again` : `, closed ${closedAt}`}`,
  ];
  for (const { host, deviceKind, runId: by, answer, finding } of answers) {
    const text = answer.startsWith("sha256:") ? shortDigest(answer) : answer;
    lines.push(`${finding.padEnd(10)} ${host} (${deviceKind}, ${by}): ${text}`);
  }
  return lines.join("\n");
}

const reasonTexts: Readonly<Record<string, string>> = {
  "new-host": "its host was new",
  lot: "drawn by lot",
  asked: "somebody asked",
};

function answersText(answers: AuditView["answers"]): string {
  return answers.map(({ host, finding }) => `${host} ${finding}`).join(", ");
}

function timeText(time: Audit["openedAt"]): string | null {
  return time === undefined ? null : timestamp(timestampMs(time));
}
