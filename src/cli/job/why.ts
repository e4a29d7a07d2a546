/** `quipu why JOB|FILE [--host H]`: the one main reason, what would have to change, and the others. */
import { existsSync } from "node:fs";
import type { JobState } from "../../model/job.js";
import { changeFor, type Explanation, explain } from "../../scheduler/placement/explain.js";
import { heldView } from "../burst/held.js";
import type { Context, VerbAction } from "../context.js";
import { jobLine, type ReasonView, reasonLines, reasonView, waitText } from "./job-view.js";
import { egressText, fetchText, offerView, planFiles, planText } from "./plan.js";
import { getJob } from "./show.js";

export const action: VerbAction = async (context, { args, options }) => {
  const subject = args[0] ?? "";
  if (typeof options.host === "string") return await whyHost(context, subject, options.host);
  if (existsSync(subject)) {
    const plans = (await planFiles(context, [subject])).map((plan) => ({
      ...plan,
      explanation: explanationOf(plan.outcome, plan.reasons),
    }));
    context.output.result({ plans }, () =>
      plans
        .map((plan) => [planText(context, plan), ...explanationLines(plan.explanation)].join("\n"))
        .join("\n\n"),
    );
    return 0;
  }
  const job = await getJob(context, subject);
  // A job that nobody has decided about yet has no reasons, and none are made up for it.
  const explanation = job.reasons.length > 0 ? explanationOf(job.state, job.reasons) : null;
  const pilot = job.state === "queued" ? await heldJob(context, job.id) : null;
  context.output.result({ job, explanation, pilot }, () => {
    const waited = waitText(job);
    const lines = [jobLine(context.output, job), ...explanationLines(explanation)];
    if (pilot !== null) lines.push(`It gets no pilot: ${pilot.text}; see \`quipu burst ls\`.`);
    if (waited !== undefined) lines.push(`It waited ${waited}.`);
    if (job.reasons.length > 0)
      lines.push("hosts that were not chosen:", ...reasonLines(job.reasons));
    return lines.join("\n");
  });
  return 0;
};

/** Null where nobody offers capacity that it could use, or it has been asked for. */
async function heldJob(context: Context, id: string): Promise<ReturnType<typeof heldView> | null> {
  const { burst } = await context.coordinator();
  const held = (await burst.listPilots({})).held.find(({ jobId }) => jobId === id);
  return held === undefined ? null : heldView(held);
}

async function whyHost(context: Context, id: string, host: string): Promise<number> {
  const { jobs } = await context.coordinator();
  const { finding, whenPlaced } = await jobs.explainHost({ jobId: id, host });
  const when = whenPlaced ? "when the job was placed" : "now";
  if (finding.case === "reason") {
    const reason = reasonView(finding.value);
    const change = changeFor(reason.rule);
    context.output.result({ host, whenPlaced, reason, change }, () =>
      [`${host}, ${when}:`, ...reasonLines([reason]), `  It would take that ${change}.`].join("\n"),
    );
    return 0;
  }
  const offer = finding.value === undefined ? null : offerView(finding.value);
  context.output.result({ host, whenPlaced, offer }, () => {
    return `${host}, ${when}: lawful and fit${offer === null ? "" : worthText(offer)}`;
  });
  return 0;
}

export function worthText(offer: ReturnType<typeof offerView>): string {
  const { score, parts, egress, fetch, rules } = offer;
  const sums = Object.entries(parts).map(([part, points]) => `${part} ${points}`);
  const fetched = fetch === null ? "" : `, to be fetched: ${fetchText(offer)}`;
  const brought = egress === null ? "" : `, bringing its inputs costs ${egressText(offer)}`;
  return `, score ${score} (${sums.join(", ")})${fetched}${brought}, permitted by ${rules.join(" ")}`;
}

/** Null for a job that has a host: there is nothing to wait for. */
function explanationOf(state: JobState, reasons: readonly ReasonView[]): Explanation | null {
  if (state !== "queued" && state !== "refused") return null;
  return explain({ outcome: { kind: state }, offers: [], reasons });
}

const explanationLines = (explanation: Explanation | null): string[] =>
  explanation === null ? [] : [explanation.sentence, explanation.change];
