/** `quipu demo`: the whole idea on one machine, told while it happens. */
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Context, VerbAction } from "../context.js";
import { dial } from "../coordinator-link.js";
import { type Fleet, startFleet } from "./fleet.js";
import { brokenClaims, type DemoReport } from "./report.js";
import { tellStory } from "./story.js";

export const action: VerbAction = async (context, { options }) => {
  const { output } = context;
  const folder = await demoFolder(options.folder as string | undefined);
  const startedMs = performance.now();
  output.note(output.style("bold", "Quipu demo: three hosts, three countries, one machine"));
  output.note(`  everything it makes is in ${folder}`);
  const fleet = await startFleet(context, folder);
  try {
    const clients = dial(fleet.address);
    try {
      const facts = await tellStory(
        { ...context, coordinator: async () => clients },
        fleet,
        folder,
      );
      const report = { ...facts, elapsedMs: Math.round(performance.now() - startedMs) };
      const broken = brokenClaims(report);
      output.result(report, () => ending(context, report, broken));
      for (const claim of broken) output.note(`${output.style("red", "does not hold")}: ${claim}`);
      if (options.once !== true && !output.json) await stayUp(context, fleet, report, folder);
      return broken.length === 0 ? 0 : 1;
    } finally {
      clients.close();
    }
  } finally {
    await fleet.stop();
  }
};

async function demoFolder(wanted: string | undefined): Promise<string> {
  if (wanted === undefined) return mkdtemp(join(tmpdir(), "quipu-demo-"));
  await mkdir(wanted, { recursive: true });
  return resolve(wanted);
}

function ending({ output }: Context, report: DemoReport, broken: readonly string[]): string {
  const { verify, log, audits, rerun, accuracy, elapsedMs } = report;
  const agreed = audits.filter(({ state }) => state === "agreed").length;
  const verdict =
    broken.length === 0
      ? output.style("green", "all of it held")
      : output.style("red", "not all of it held");
  return [
    "",
    `${verdict}, in ${(elapsedMs / 1000).toFixed(1)} s`,
    `  accuracy   ${accuracy.toFixed(4)}`,
    `  receipts   ${verify.receipts - verify.failed} of ${verify.receipts} verified offline`,
    `  audits     ${agreed} of ${audits.length} run again on another host: the same bits`,
    `  log        ${log.origin}, ${log.size} entries, root ${log.rootHash.slice(0, 16)}…`,
    `  rerun      ${rerun.backend}: ${rerun.equal ? "the same bits" : "OTHER BITS"}`,
  ].join("\n");
}

/** Leaves the fleet up so that it can be looked at, until Ctrl-C. */
async function stayUp(
  context: Context,
  fleet: Fleet,
  report: DemoReport,
  folder: string,
): Promise<void> {
  const { output, signal } = context;
  const job = report.jobs.find(({ name }) => name === "classify");
  output.note(
    [
      "",
      "The fleet stays up until Ctrl-C. From another terminal in this folder:",
      `  export QUIPU_COORDINATOR=${fleet.address}`,
      "  npx quipu host ls",
      `  npx quipu job show ${job?.id ?? "JOB"}`,
      `  npx quipu why ${report.jobs.find(({ state }) => state === "refused")?.id ?? "JOB"}`,
      `  npx quipu verify ${job?.receipt ?? join(folder, "receipts")}`,
      `  curl ${fleet.httpUrl}/checkpoint`,
    ].join("\n"),
  );
  if (signal.aborted) return;
  await new Promise<void>((resolveStop) => {
    // The listener alone does not keep the process alive; this timer does.
    const alive = setInterval(() => undefined, 60_000);
    signal.addEventListener("abort", () => {
      clearInterval(alive);
      resolveStop();
    });
  });
}
