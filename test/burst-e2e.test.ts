/** Real coordinators, real pilots: processes of this machine, what a script drives, and Slurm. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { packageRoot, program, RealFleet, until } from "./real-fleet.js";
import { SlurmCluster } from "./slurm-cluster.js";

t.setTimeout(300_000);

type Checks = Pick<typeof t, "equal" | "match">;

function offerOf(provider: object, parts: object = {}): object {
  return {
    name: "near",
    place: { country: "SG", site: "private", grade: "operator-asserted", operator: "ours" },
    devices: [{ id: "cpu" }],
    price: { currency: "USD", nanosPerSecond: 1000 },
    ...{ pilotsMax: 2, waitSeconds: 0, idleSeconds: 1, bootSeconds: 60 },
    ...{ lifetimeSeconds: 300, drainSeconds: 30 },
    provider,
    ...parts,
  };
}

/** A fleet whose only capacity is this offer. */
async function fleetWith(offer: object): Promise<RealFleet> {
  const fleet = new RealFleet();
  const file = join(fleet.folder, "burst.yaml");
  const budget = { currency: "USD", nanosPerDay: 10_000_000 };
  writeFileSync(file, JSON.stringify({ version: "quipu.dev/burst/v1", budget, offers: [offer] }));
  await fleet.startCoordinator("coordinator", ["--burst", file]);
  const job = "version: quipu.dev/v1\nname: count\ntask: { driver: hash }\n";
  writeFileSync(join(fleet.folder, "count.yaml"), job);
  return fleet;
}

async function runsAndLetsGo(t: Checks, fleet: RealFleet): Promise<void> {
  const run = await fleet.quipu("run", join(fleet.folder, "count.yaml"));
  t.equal(run.code, 0, run.stderr);
  const [job] = run.json.jobs;
  t.match(job, { state: "succeeded", host: /^near-/, country: "SG" });
  const receipts = join(fleet.folder, "receipts");
  const shown = await fleet.quipu("receipt", "show", job.id, "--to", receipts);
  const place = { country: "SG", site: "private", grade: "operator-asserted", operator: "ours" };
  t.match(shown.json.statement.predicate, { run: { outcome: "succeeded" }, host: { place } });
  t.match(await fleet.quipu("verify", shown.json.file), { code: 0, json: { ok: true } });
  const { json } = await fleet.quipu("burst", "ls");
  t.match(json.pilots.at(-1), { offer: "near", failed: false });
  await untilEnded(fleet);
}

function untilEnded(fleet: RealFleet): Promise<unknown> {
  return until("the pilots have ended", async () => {
    const { json } = await fleet.quipu("burst", "ls");
    return json.pilots.every((pilot: { stage: string }) => pilot.stage === "ended");
  });
}

/** Command lines of this machine that name a folder. */
function linesOf(folder: string): readonly string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^[0-9]+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return line.includes(folder) && line.includes("quipud") ? [`${pid} ${line}`] : [];
    } catch {
      return []; // it has just ended
    }
  });
}

t.test("local: a job that no host can take gets a process of this machine", async (t) => {
  const fleet = await fleetWith(offerOf({ kind: "local" }));
  t.teardown(() => fleet.close());
  await runsAndLetsGo(t, fleet);
  const pilots = join(fleet.folder, "coordinator", "pilots");
  t.same(linesOf(pilots), [], "no process is left");
  await until("nothing but its log is kept", async () => {
    return readdirSync(join(pilots, "near")).every((name) => name.endsWith(".log"));
  });
  const page = await fleet.page("burst", "ls");
  t.match(page.stdout, /near +local +SG +private +2 +0\.00 USD\/h[\s\S]*ended +.*no run for 1 s/);
  t.match((await fleet.quipu("status")).json, { care: [], hosts: { known: 2, attached: 0 } });

  // A coordinator that is killed finds its pilot again, and lets it go when it is idle.
  const file = join(fleet.folder, "count.yaml");
  await fleet.quipu("run", file, "--detach");
  await until("a second pilot is up", async () => linesOf(pilots).length === 1);
  await fleet.kill("coordinator");
  await fleet.startCoordinator("coordinator", ["--burst", join(fleet.folder, "burst.yaml")]);
  await until("the job is done", async () => {
    const { json } = await fleet.quipu("job", "ls");
    return json.jobs.every((job: { state: string }) => job.state === "succeeded");
  });
  await untilEnded(fleet);
  t.same(linesOf(pilots), []);
  t.notMatch(fleet.log("coordinator"), /"level":60/);
});

t.test("why a job gets no pilot is told", async (t) => {
  const fleet = await fleetWith(offerOf({ kind: "local" }, { waitSeconds: 3600 }));
  t.teardown(() => fleet.close());
  const { json } = await fleet.quipu("run", join(fleet.folder, "count.yaml"), "--detach");
  const [{ id }] = json.jobs;
  await until("it has been looked at", async () => {
    return (await fleet.quipu("why", id)).json.pilot?.obstacle === "wait";
  });
  const why = await fleet.page("why", id);
  t.match(why.stdout, /It gets no pilot: it has not waited long enough; see `quipu burst ls`/);
  const page = await fleet.page("burst", "ls");
  t.match(page.stdout, new RegExp(`${id} .*it has not waited long enough`));
});

t.test("local: an agent that nobody asked for is turned away, and ends", async (t) => {
  const fleet = await fleetWith(offerOf({ kind: "local" }));
  t.teardown(() => fleet.close());
  const folders = ["--state", join(fleet.folder, "x"), "--data", join(fleet.folder, "x-data")];
  const where = ["--name", "near-1", "--country", "SG", "--site", "private"];
  const args = [program("quipud"), ...where, ...folders, "--coordinator", fleet.address];
  const env = { ...process.env, QUIPU_PILOT_TOKEN: "guessed" };
  const attempt = (...more: string[]) =>
    spawnSync(process.execPath, [...args, ...more], { env, encoding: "utf8", timeout: 60_000 });
  t.match(attempt(), { status: 4, stderr: /the token for it was not shown/ });
  t.match(attempt("--until", "2020-01-01T00:00:00Z"), { status: 0 }, "its time is over");
  t.match(attempt("--until", "soon"), { status: 2, stderr: /is no moment/ });
});

t.test("command: the Kubernetes example, with Jobs that are processes here", async (t) => {
  const cluster = mkdtempSync(join(tmpdir(), "quipu-kube-"));
  const fixture = join(packageRoot, "dist", "test", "fixtures", "kubectl.js");
  const kubectl = `#!/bin/sh\nexec '${process.execPath}' '${fixture}' "$@"\n`;
  writeFileSync(join(cluster, "kubectl"), kubectl, { mode: 0o755 });
  const script = join(packageRoot, "examples", "burst", "kubernetes.sh");
  const environment = {
    ...{ QUIPU_IMAGE: "quipu:test", QUIPU_NAMESPACE: "quipu", KUBE_FOLDER: cluster },
    PATH: `${cluster}:${process.env.PATH}`,
  };
  const verbs = Object.fromEntries(
    ["start", "status", "stop"].map((verb) => [verb, [script, verb]] as const),
  );
  const fleet = await fleetWith(offerOf({ kind: "command", ...verbs, environment }));
  t.teardown(() => fleet.close());
  const byHand = (verb: string, more: object) =>
    spawnSync(script, [verb], { env: { ...environment, ...more }, encoding: "utf8" });
  const pilot = { QUIPU_PILOT: "pilot-0000000000000000", QUIPU_PILOT_SECONDS: "60" };
  writeFileSync(join(cluster, "quota"), "");
  const full = byHand("start", { ...pilot, QUIPU_FLEET: "f", QUIPU_PILOT_TOKEN: "secret" });
  t.match(full, { status: 75, stderr: /exceeded quota/ });
  t.equal(byHand("stop", pilot).status, 0);
  rmSync(join(cluster, "quota"));
  const up = until("its Job is listed", async () => {
    const [job] = readdirSync(cluster).filter((name) => name.startsWith("job-"));
    if (job === undefined) return false;
    const { metadata } = JSON.parse(readFileSync(join(cluster, job), "utf8"));
    const { stdout } = byHand("status", { QUIPU_FLEET: metadata.labels["quipu-fleet"] });
    return stdout === `${metadata.name} running\n`;
  });
  await Promise.all([up, runsAndLetsGo(t, fleet)]);
  t.same(linesOf(cluster), [], "no pod is left");
  t.notOk(readdirSync(cluster).some((name) => /^(job|secret)-/.test(name)));
});

const noSlurm = SlurmCluster.isInstalled ? {} : { skip: "apt-get install slurm-wlm munge" };

t.test("slurm: the pilot is a batch job", noSlurm, async (t) => {
  const slurm = await SlurmCluster.start();
  t.teardown(() => slurm.close());
  const { environment, folder } = slurm;
  const provider = { kind: "slurm", environment, scratch: folder, sbatch: ["--cpus-per-task=1"] };
  const fleet = await fleetWith(offerOf(provider));
  t.teardown(() => fleet.close());
  await runsAndLetsGo(t, fleet);
  t.equal(slurm.run("squeue", "-h"), "");
  t.same(
    readdirSync(folder).filter((name) => name.startsWith("quipu-pilot-")),
    [],
    "what it kept on the node is gone",
  );
});
