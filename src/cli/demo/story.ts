/** The demo's story, step by step; each step is what a user would do by hand. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type AskedJob, jobBytes } from "../../model/job.js";
import { storeFile } from "../artifact/put.js";
import type { Context } from "../context.js";
import { addDataSet } from "../data/add.js";
import { type HostView, hostView } from "../host/host-view.js";
import { followJobs } from "../job/follow.js";
import { loadJobFile } from "../job/job-file.js";
import { type JobView, jobView, reasonLines } from "../job/job-view.js";
import { downloadOutputs } from "../job/outputs.js";
import { verifyBundle } from "../receipt/check.js";
import { rerun } from "../receipt/rerun.js";
import { saveReceipt } from "../receipt/save.js";
import { accuracyOf } from "./accuracy.js";
import { auditsOf } from "./audits.js";
import type { Fleet } from "./fleet.js";
import { type DemoReport, demoHost, demoJob } from "./report.js";

type Facts = Omit<DemoReport, "elapsedMs">;

export async function tellStory(context: Context, fleet: Fleet, folder: string): Promise<Facts> {
  const { output, paths } = context;
  const step = (title: string): void => output.note(`\n${output.style("bold", title)}`);
  const examples = join(paths.packageRoot, "examples", "digits");
  const clients = await context.coordinator();

  step("1. Three hosts attach");
  const hosts = (await clients.hosts.listHosts({})).hosts.map(hostView);
  for (const { name, country, site, devices } of hosts) {
    output.note(`  ${name}  ${country}  ${site}  ${devices.map(({ model }) => model).join(", ")}`);
  }

  step("2. A data set of handwritten digits, personal: to be processed in SG and CL only");
  await register(context, fleet.dataFolder("sg-1", "digits"), "digits", "personal", ["SG", "CL"]);
  await register(context, fleet.dataFolder("sg-1", "digits-open"), "digits-open", "public", []);

  step("3. A hash job digests it where it lies; a tensor job classifies it");
  const upload = async (path: string) => (await storeFile(context, path)).digest;
  const manifest = await only(join(examples, "manifest.yaml"), upload);
  const classify = await only(join(examples, "classify.yaml"), upload);
  const [hashed] = await submit(context, [manifest]);
  const [classified] = await submit(context, [classify]);
  const accuracy = await measureAccuracy(context, classified, folder);

  step("4. Nobody knows these hosts yet: what they ran is run again on another lawful one");
  const audits = [...(await auditsOf(context, present([hashed, classified])))];

  step("5. The same job in Germany: refused, with the rule that refused it");
  const inGermany = { ...classify, name: "classify-in-germany", placement: { countries: ["DE"] } };
  const [refused] = await submit(context, [inGermany]);

  const burst = await burstOut(context, classify, hosts, step);
  audits.push(...(await auditsOf(context, burst)));

  step("7. Every receipt is checked offline");
  const jobs = present([hashed, classified, refused, ...burst]);
  const receipts = await checkReceipts(context, jobs, join(folder, "receipts"));

  step("8. The tensor job again, here, with portable code");
  const again = await rerunPortable(
    context,
    fleet,
    receipts.bundles.get(classified?.id ?? ""),
    examples,
  );
  const head = await clients.log.getLogHead({});
  return {
    hosts: hosts.map(demoHost),
    jobs: jobs.map((job) => demoJob(job, receipts.bundles.get(job.id) ?? null)),
    accuracy,
    log: { origin: head.origin, size: Number(head.size), rootHash: head.rootHash },
    verify: { receipts: receipts.bundles.size, failed: receipts.failed },
    audits: audits.map(({ jobId, state, answers }) => ({ jobId, state, answers })),
    rerun: again,
  };
}

/** Public data: one job more than the private hosts have devices for. */
async function burstOut(
  context: Context,
  classify: AskedJob,
  hosts: readonly HostView[],
  step: (title: string) => void,
): Promise<readonly JobView[]> {
  const room = hosts
    .filter(({ site }) => site === "private")
    .reduce((count, { devices }) => count + devices.length, 0);
  step(
    `6. Public data, ${room + 1} jobs at once, two private hosts: one bursts to the public cloud`,
  );
  const open = Array.from({ length: room + 1 }, (_, i) => ({
    ...classify,
    name: `classify-open-${i + 1}`,
    dataSet: "digits-open",
  }));
  const burst = await submit(context, open);
  for (const job of burst.filter(({ host }) => host === "de-1")) {
    const reasons = ["  not on a private host, because", ...reasonLines(job.reasons)];
    context.output.note(reasons.join("\n"));
  }
  return burst;
}

function present(jobs: readonly (JobView | undefined)[]): readonly JobView[] {
  return jobs.filter((job) => job !== undefined);
}

async function only(file: string, upload: (path: string) => Promise<string>): Promise<AskedJob> {
  const [job] = await loadJobFile(file, upload);
  if (job === undefined) throw new Error(`${file} holds no job`);
  return job.spec;
}

async function register(
  context: Context,
  folder: string,
  name: string,
  dataClass: string,
  countries: readonly string[],
): Promise<void> {
  const { output } = context;
  const { registered: set } = await addDataSet(context, {
    folder,
    name,
    dataClass,
    owner: "demo",
    countries,
  });
  const where = countries.length === 0 ? "anywhere" : countries.join(", ");
  output.note(`  ${name}  ${dataClass}  ${where}  manifest ${set.manifestDigest.slice(0, 23)}…`);
}

/** Admits the jobs as one submission and follows them to their ends. */
async function submit(context: Context, specs: readonly AskedJob[]): Promise<JobView[]> {
  const { jobs } = await context.coordinator();
  const admitted = await jobs.submitJobs({
    idempotencyKey: randomUUID(),
    specs: specs.map(jobBytes),
  });
  return followJobs(
    context,
    admitted.jobs.map((job) => jobView(job).id),
  );
}

async function measureAccuracy(context: Context, job: JobView | undefined, folder: string) {
  if (job?.state !== "succeeded") return 0;
  const saved = await downloadOutputs(context, job.id, join(folder, "outputs"), { country: "SG" });
  const data = join(context.paths.packageRoot, "examples", "data", "digits", "digits.csv.gz");
  const accuracy = await accuracyOf(
    saved.find(({ name }) => name === "predictions.npy")?.path,
    data,
  );
  context.output.note(
    `  accuracy ${accuracy.toFixed(4)} (outputs downloaded to SG, checked as an export)`,
  );
  return accuracy;
}

async function checkReceipts(context: Context, jobs: readonly JobView[], folder: string) {
  const bundles = new Map<string, string>();
  let failed = 0;
  for (const job of jobs.filter(({ logIndex }) => logIndex !== null)) {
    const bundle = await saveReceipt(context, job.id, join(folder, job.name));
    bundles.set(job.id, bundle);
    const { ok, checks } = await verifyBundle(bundle);
    if (!ok) failed += 1;
    const verdict = ok
      ? context.output.style("green", "verified")
      : context.output.style("red", "FAILED");
    context.output.note(
      `  ${job.name}  ${verdict}  log entry ${job.logIndex}, ${checks.length} checks`,
    );
  }
  return { bundles, failed };
}

async function rerunPortable(
  context: Context,
  fleet: Fleet,
  bundle: string | undefined,
  examples: string,
) {
  const report = bundle === undefined ? undefined : await verifyBundle(bundle);
  if (!report?.ok || report.statement === undefined) return { backend: "portable", equal: false };
  const { backend, equal, expected } = await rerun({
    statement: report.statement,
    dataFolder: fleet.dataFolder("sg-1", "digits"),
    modelPath: join(examples, "knn.onnx"),
    backend: "portable",
    signal: context.signal,
  });
  const verdict = equal ? "the same bits" : "OTHER BITS";
  context.output.note(`  ${backend}: ${verdict} (${expected.slice(0, 23)}…)`);
  return { backend, equal };
}
