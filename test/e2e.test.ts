/** Real processes on this machine: every command, every fault a user can meet, kill -9 in mid-run. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { parseTrustedRoot } from "../src/proof/receipt/bundle.js";
import { formatVerifierKey } from "../src/proof/tlog/verifier-key.js";
import { childrenOf, packageRoot, RealFleet, until } from "./real-fleet.js";

const examples = join(packageRoot, "examples", "digits");
const classify = join(examples, "classify.yaml");
const manifest = join(examples, "manifest.yaml");

const fleet = new RealFleet();
t.setTimeout(300_000);
t.teardown(() => fleet.close());
const quipu = fleet.quipu.bind(fleet);

function jobFile(name: string, text: string): string {
  const path = join(fleet.folder, `${name}.yaml`);
  writeFileSync(path, `version: quipu.dev/v1\nname: ${name}\n${text}`);
  return path;
}

t.before(async () => {
  await fleet.startCoordinator();
  fleet.layData("sg-1", "digits");
  fleet.layData("cl-1", "digits");
  await Promise.all([
    fleet.startAgent("sg-1", "SG", "private"),
    fleet.startAgent("cl-1", "CL", "private"),
    fleet.startAgent("de-1", "DE", "public"),
  ]);
  const terms = ["--name", "digits", "--class", "personal", "--countries", "SG,CL"];
  await quipu("data", "add", join(fleet.dataFolder("sg-1"), "digits"), ...terms);
});

t.test("a job runs where it may, and its receipt verifies offline", async (t) => {
  const run = await quipu("run", classify);
  t.equal(run.code, 0, run.stderr);
  const [job] = run.json.jobs;
  t.match(job, { state: "succeeded", driver: "tensor", determinism: "bitwise", failure: null });
  t.ok(["SG", "CL"].includes(job.country), "in a lawful country");
  t.same(run.json.exit, { code: 0, by: "job" });

  const out = join(fleet.folder, "out");
  const outputs = await quipu("job", "outputs", job.id, "--to", out, "--country", "SG");
  t.equal(outputs.code, 0, outputs.stderr);
  t.ok(existsSync(join(out, "predictions.npy")));
  const refused = await quipu("job", "outputs", job.id, "--to", out, "--country", "US");
  t.equal(refused.code, 5, "an export of personal results to another country is refused");
  t.match(refused.json, { error: { code: "REFUSED_BY_POLICY" } });

  const receipts = join(fleet.folder, "receipts");
  const shown = await quipu("receipt", "show", job.id, "--to", receipts);
  t.equal(shown.code, 0, shown.stderr);
  t.match(shown.json.statement.predicate.run, { jobId: job.id, outcome: "succeeded" });
  const bundle = shown.json.file;
  const verified = await quipu("verify", bundle);
  t.match(verified, { code: 0, json: { ok: true } });
  t.match(verified.json.receipts[0].checks.at(-1), { name: "decision", ok: true });
  const held = ["--file", join(out, "predictions.npy"), "--expect", `country=${job.country}`];
  t.match(await quipu("verify", bundle, ...held), { code: 0 });
  const asked = ["--field", "place", "--field", "run.jobDigest"];
  const to = ["--to", join(fleet.folder, "shown")];
  const part = await quipu("receipt", "disclose", job.id, ...asked, ...to);
  t.equal(part.code, 0, part.stderr);
  t.match(part.json.fields, { "host.place.country": job.country });
  t.equal(part.json.fields["run.id"], undefined);
  t.match(await quipu("verify", part.json.file, "--expect", `country=${job.country}`), { code: 0 });
  const other = await quipu("verify", part.json.file, "--expect", "country=DE");
  t.match(other, { code: 6, json: { receipts: [{ firstFailed: { name: "expected" } }] } });
  t.match(await quipu("verify", part.json.file, "--rerun"), { code: 2 });
  t.match(await quipu("receipt", "show", part.json.file), { code: 1 });
  t.match(await quipu("receipt", "disclose", job.id, "--field", "colour", ...to), { code: 1 });
  const elsewhere = await quipu("verify", bundle, "--expect", "country=DE");
  t.match(elsewhere, { code: 6, json: { receipts: [{ firstFailed: { name: "expected" } }] } });
  const inputs = [
    "--data",
    join(fleet.dataFolder("sg-1"), "digits"),
    "--model",
    join(examples, "knn.onnx"),
  ];
  const here = ["--place", "country=SG,site=private"];
  const again = await quipu(
    ...["verify", bundle, "--rerun", "--backend", "portable", ...inputs, ...here],
  );
  t.equal(again.code, 0, again.stderr);
  t.match(again.json.receipts[0].rerun, { backend: "portable", equal: true });

  const alone = join(fleet.folder, "alone.sigstore.json"); // no keys beside it
  copyFileSync(bundle, alone);
  const root = parseTrustedRoot(readFileSync(join(dirname(bundle), "trusted_root.json")));
  const keyFile = readdirSync(dirname(bundle)).find((name) => name.endsWith(".pub.pem")) ?? "";
  const pinned = ["--key", join(dirname(bundle), keyFile), "--log-key", formatVerifierKey(root)];
  const known = await quipu("verify", alone, ...pinned, "--rerun", ...inputs, ...here);
  t.equal(known.code, 0, known.stderr);
  t.match(known.json.receipts[0], { trust: "pinned", rerun: { equal: true } });

  const forged = readFileSync(bundle, "utf8").replace(
    /("sig":".{20})(.)/,
    (_, head: string, digit: string) => `${head}${digit === "A" ? "B" : "A"}`,
  );
  writeFileSync(bundle, forged);
  t.match(await quipu("verify", bundle), { code: 6, json: { ok: false } });
});

t.test(
  "a new host's run is run again on another lawful host, at the operator's cost",
  async (t) => {
    const [job] = (await quipu("job", "ls")).json.jobs.filter(
      ({ driver, owner }: { driver: string; owner: string }) =>
        driver === "tensor" && owner === "local",
    );
    await auditsAreOver();
    const shown = await quipu("audit", "show", job.id);
    t.equal(shown.code, 0, shown.stderr);
    const { answers } = shown.json.audit;
    t.match(shown.json.audit, { jobId: job.id, state: "agreed", reason: "new-host" });
    t.same(answers.map(({ host }: { host: string }) => host).sort(), ["cl-1", "sg-1"]);
    t.equal(answers[0].answer, answers[1].answer, "the same bits");
    t.match((await quipu("job", "show", job.id)).json, { job: { audit: { state: "agreed" } } });
    t.match((await quipu("host", "show", "cl-1")).json, { host: { reputation: { wrong: 0 } } });
    t.match(await quipu("audit", "ask", job.id), { code: 0, json: { audit: { state: "agreed" } } });
    const { groups } = (await quipu("usage")).json;
    t.ok(groups.some(({ key }: { key: string }) => key === "quipu-audit"));
  },
);

async function auditsAreOver(): Promise<void> {
  await until("every audit has ended", async () => {
    const { audits } = (await quipu("audit", "ls")).json;
    return audits.every(({ closedAt }: { closedAt: string | null }) => closedAt !== null);
  });
}

t.test("a job runs again only where it may, with inputs that are found", async (t) => {
  const bundle = join(fleet.folder, "again", "receipt.sigstore.json");
  const { id } = (await quipu("job", "ls")).json.jobs[0];
  const shown = await quipu("receipt", "show", id, "--to", dirname(bundle));
  renameSync(shown.json.file, bundle);
  const rerun = (...flags: string[]) => quipu("verify", bundle, "--rerun", ...flags);
  const equal = { code: 0, json: { receipts: [{ rerun: { equal: true } }] } };
  const sg = ["--place", "country=SG,site=private"];
  const found = await rerun(...sg);
  t.match(found, equal, `the folder that was registered, and the model fetched: ${found.stderr}`);
  const refusedBy = (rule: string) => {
    return { code: 5, json: { error: { code: "REFUSED_BY_POLICY", details: { rule } } } };
  };
  t.match(await rerun(), refusedBy("place.unknown"), "nobody says where this is");
  t.match(await rerun("--place", "country=SG"), refusedBy("place.unknown"));
  t.match(await rerun("--place", "country=XX,site=private"), refusedBy("place.unknown"));
  t.match(await rerun("--place", "country=DE,site=private"), refusedBy("residency.personal"));
  t.match(await rerun("--place", "country=SG,site=public"), refusedBy("burst.class"));
  t.match(await rerun("--place", "country=SG,site=private,grade=hardware-attested"), { code: 2 });
  t.match(await rerun("--place", "SG"), { code: 2 });
  t.match(await rerun("--place", "country=sg,site=private"), { code: 2 });

  const facts = join(fleet.folder, "facts.json");
  writeFileSync(facts, JSON.stringify((await quipu("data", "ls")).json));
  const base = join(packageRoot, "deploy", "policy", "base.cedar");
  const data = ["--data", join(fleet.dataFolder("sg-1"), "digits")];
  const alone = [...sg, ...data, "--model", join(examples, "knn.onnx"), "--policy", base];
  const offline = (...flags: string[]) => rerun(...alone, "--coordinator", "127.0.0.1:1", ...flags);
  t.match(await offline("--data-facts", facts), equal, "no coordinator is asked");
  const { json } = await quipu("data", "ls");
  const other = json.dataSets.map((one: object) => ({
    ...one,
    manifestDigest: `sha256:${"0".repeat(64)}`,
  }));
  writeFileSync(facts, JSON.stringify({ dataSets: other }));
  t.match(await offline("--data-facts", facts), refusedBy("data.unknown"), "facts of other files");
});

t.test("past runs are put before other rules, as things were", async (t) => {
  const base = join(packageRoot, "deploy", "policy", "base.cedar");
  const kept = await quipu("replay", "--policy", base);
  t.equal(kept.code, 0, kept.stderr);
  t.match(kept.json, { refused: [] });
  t.ok(kept.json.runs >= 1);
  const stricter = join(fleet.folder, "stricter.cedar");
  writeFileSync(
    stricter,
    `@id("x.digits") @says("Digits are private")
     forbid (principal, action == Action::"read_data", resource) when { resource.name == "digits" };`,
  );
  const refused = await quipu("replay", "--policy", base, "--policy", stricter);
  t.equal(refused.code, 5);
  t.match(refused.json.refused[0], { jobName: "classify", rule: "x.digits", text: /Digits/ });
  const later = await quipu(
    "replay",
    "--policy",
    base,
    "--policy",
    stricter,
    "--since",
    "2199-01-01",
  );
  t.match(later.json, { runs: 0, refused: [] });
  t.equal((await quipu("replay")).code, 2);
  t.equal((await quipu("replay", "--policy", base, "--since", "soon")).code, 2);
});

t.test("a plan tells that a host holds a model which it has run before", async (t) => {
  const { jobs } = (await quipu("job", "ls")).json;
  const before = jobs.find(({ name }: { name: string }) => name === "classify");
  const nothing = { siteBytes: 0, countryBytes: 0, farBytes: 0 };
  const [plan] = (await quipu("plan", classify)).json.plans;
  const holder = plan.offers.find(({ host }: { host: string }) => host === before.host);
  t.match(holder, { parts: { locality: 0 }, fetch: nothing });
  t.match((await fleet.page("plan", classify)).stdout, /FETCH .*\n.* 0 B /);
  const why = await fleet.page("why", before.id, "--host", before.host);
  t.match(why.stdout, /lawful and fit, score -?[0-9]+ \(device [0-9]+,.* idle [0-9]+\)/);
});

t.test("each command prints one JSON value, and a page for people", async (t) => {
  const [{ id }] = (await quipu("job", "ls")).json.jobs;
  const artifact = await quipu("artifact", "put", join(examples, "knn.onnx"));
  t.equal(artifact.code, 0, artifact.stderr);
  const { digest } = artifact.json.artifact;
  const copy = join(fleet.folder, "copy.onnx");
  const receipts = join(fleet.folder, "pages");
  const bundle = (await quipu("receipt", "show", id, "--to", receipts)).json.file;
  const calls: readonly (readonly [readonly string[], object])[] = [
    [["status"], { hosts: { known: 3, attached: 3 }, care: [] }],
    [["plan", classify], { plans: [{ outcome: "placed", name: "classify" }] }],
    [["why", classify], { plans: [{ reasons: [{ host: "de-1" }] }] }],
    [["why", id], { job: { id } }],
    [["why", id, "--host", "de-1"], { host: "de-1", whenPlaced: true, reason: { hosts: 1 } }],
    [["job", "show", id], { job: { id, state: "succeeded" } }],
    [["receipt", "show", bundle], { file: bundle }],
    [["verify", bundle], { ok: true }],
    [["host", "show", "sg-1"], { host: { name: "sg-1", cordon: null } }],
    [["host", "cordon", "de-1", "--reason", "fans"], { host: { cordon: { reason: "fans" } } }],
    [["host", "drain", "de-1", "--within", "5"], { host: { cordon: { drainedAt: /^20/ } } }],
    [["host", "uncordon", "de-1"], { host: { cordon: null } }],
    [["plan", classify, "--all"], { plans: [{ refused: [{ host: "de-1", rule: /^residency/ }] }] }],
    [["quota", "set", "vision", "--cpu", "2", "--cpu-borrow", "1"], { quota: { owner: "vision" } }],
    [["quota", "ls"], { quotas: [{ owner: "vision", kinds: [{ nominal: 2, borrowMax: 1 }, {}] }] }],
    [["artifact", "ls"], { artifacts: [{ digest }] }],
    [["artifact", "get", digest, "--to", copy, "--country", "SG"], { artifact: { digest } }],
    [["host", "ls"], { hosts: [{ name: "cl-1" }, { name: "de-1" }, { name: "sg-1" }] }],
    [["data", "ls"], { dataSets: [{ name: "digits", countries: ["SG", "CL"] }] }],
    [["data", "verify", "digits"], { equal: true, name: "digits" }],
    [["usage"], { by: "tenant", groups: [{ key: "local", wallMs: /^\d+$/ }], unverified: [] }],
    [["usage", "--by", "job", "--since", "2026-01-01"], { total: { runs: /^[1-9]/ } }],
    [["log", "head"], { origin: "quipu.example/test" }],
    [["log", "fsck"], { ok: true, problems: [] }],
    [["doctor"], { checks: [{ name: "node", state: "ok" }] }],
  ];
  for (const [call, expected] of calls) {
    const answer = await quipu(...call);
    t.equal(answer.code, 0, `${call.join(" ")} ${answer.stderr}`);
    t.match(answer.json, expected, call.join(" "));
    const page = await fleet.page(...call);
    t.match(page, { code: 0, stdout: /\w/ }, call.join(" "));
    t.throws(() => JSON.parse(page.stdout), "a page is not JSON");
  }
  const waited = await quipu("job", "wait", id);
  t.match(waited.json, { jobs: [{ id }], exit: { code: 0 } });
  const logs = (await fleet.page("job", "logs", id, "-o", "json")).stdout.trimEnd().split("\n");
  t.ok(logs.length > 3 && logs.every((line) => typeof JSON.parse(line).line === "string"));
  t.same(readFileSync(copy), readFileSync(join(examples, "knn.onnx")));
  const { stdout: csv } = await fleet.page("usage", "--by", "host", "-o", "csv");
  t.match(
    csv,
    /^host,country,runs,succeeded,wall_ms,device_ms,cpu_ms,input_bytes,output_bytes\r\n/,
  );
  const host = await until("telemetry of sg-1", async () => {
    const { json } = await quipu("host", "show", "sg-1");
    return json.host.telemetry !== null && json.host;
  });
  t.ok(host.telemetry.memory.totalBytes > 0);
  t.match(host, { country: "SG", site: "private", attached: true, dataSets: ["digits"] });
  for (const name of ["coordinator", "sg-1"]) {
    const metrics = await fetch(`${fleet.daemon(name).ready.http}/metrics`);
    t.match(await metrics.text(), /^# HELP \w+/m, `metrics of ${name}`);
  }
});

t.test("law: a job that no lawful host may run is refused, by name of the rule", async (t) => {
  const file = jobFile(
    "in-germany",
    "dataSet: digits\nplacement: { countries: [DE] }\ntask: { driver: hash }\n",
  );
  const plan = await quipu("plan", file);
  t.equal(plan.code, 5);
  const run = await quipu("run", file);
  t.equal(run.code, 125, "refused before it started");
  t.match(run.json, {
    exit: { by: "quipu" },
    jobs: [{ state: "refused", host: null, logIndex: null }],
  });
  const reason = run.json.jobs[0].reasons.find(({ host }: { host: string }) => host === "de-1");
  t.match(reason, { rule: /^residency\./, text: /./ });
  const [{ id }] = run.json.jobs;
  const receipts = join(fleet.folder, "refused");
  const shown = await until("the refusal is logged", async () => {
    const answer = await quipu("receipt", "show", id, "--to", receipts);
    return answer.code === 0 && answer;
  });
  t.match(shown.json.statement.predicate, { outcome: "refused", job: { id }, attempts: 0 });
  const verified = await quipu("verify", shown.json.file);
  t.match(verified, { code: 0, json: { receipts: [{ notice: { outcome: "refused" } }] } });
  const asked = await quipu("verify", shown.json.file, "--expect", "country=SG");
  t.equal(asked.code, 6, "it says nothing of a place");
});

t.test("a gang runs on both lawful hosts at once, or is told that it never will", async (t) => {
  const gang = (size: number) =>
    jobFile(
      `gang-${size}`,
      `dataSet: digits\ngang: { size: ${size}, spread: hosts }\ntask: { driver: hash }\n`,
    );
  const plan = await quipu("plan", gang(2));
  const hosts = plan.json.plans[0].seats.map(({ host }: { host: string }) => host);
  t.same(hosts.sort(), ["cl-1", "sg-1"]);
  const run = await quipu("run", gang(2));
  t.equal(run.code, 0, run.stderr);
  const { jobs } = run.json;
  for (const [rank, job] of jobs.entries()) {
    t.match(job, { name: `gang-2-${rank}`, state: "succeeded", epoch: 1 });
    t.same(job.gang, { id: jobs[0].id, rank, size: 2 });
    t.ok(job.logIndex >= 0, "each has a receipt of its own");
  }
  t.not(jobs[0].host, jobs[1].host);
  const again = await quipu("job", "retry", jobs[1].id);
  t.equal(again.json.jobs.length, 2, "a member runs again with its gang");
  const refused = await quipu("run", gang(3));
  t.equal(refused.code, 125);
  t.match(refused.json.jobs[2], { state: "refused", reasons: [{ rule: "gang.never-fits" }] });
  t.match((await quipu("why", refused.json.jobs[0].id)).json, {
    explanation: { rule: "gang.never-fits", change: /hosts/ },
  });
});

t.test("capacity: a job waits with a reason, and can be cancelled", async (t) => {
  const file = jobFile(
    "on-gpu",
    "resources: { device: cuda }\ntask: { driver: hash }\ndataSet: digits\n",
  );
  t.equal((await quipu("plan", file)).code, 3);
  const { json } = await quipu("run", file, "--detach");
  const [{ id }] = json.jobs;
  const why = await until("a decision about it", async () => {
    const answer = await quipu("why", id);
    return answer.json.job.reasons.length > 0 && answer.json.job;
  });
  t.equal(why.state, "queued");
  const cancelled = await quipu("job", "cancel", id);
  t.match(cancelled, { code: 0, json: { job: { state: "cancelled" } } });
  t.equal((await quipu("job", "wait", id)).code, 130);
});

t.test("one job after another, and an ended one again", async (t) => {
  const file = join(fleet.folder, "two.yaml");
  const jobs = (after: string) =>
    `version: quipu.dev/v1\nname: first\ntask: { driver: hash }\n${after}` +
    "---\nversion: quipu.dev/v1\nname: second\nafter: [first]\ntask: { driver: hash }\n";
  writeFileSync(file, jobs("after: [second]\n"));
  const circle = await quipu("run", file);
  t.match(circle, { code: 2, json: { error: { message: /first → second → first/ } } });
  writeFileSync(file, jobs(""));
  const run = await quipu("run", file);
  t.match(run.json, { exit: { code: 0 }, jobs: [{ name: "first" }, { name: "second" }] });
  const [, { id, waits }] = run.json.jobs;
  t.match(waits, [{ rule: "graph.after", until: /^20/ }]);
  const again = await quipu("job", "retry", id);
  t.match(again, { code: 0, json: { jobs: [{ name: "second", state: "succeeded" }] } });
  t.not(again.json.jobs[0].id, id, "as a new job");
  t.match(await quipu("quota", "rm", "nobody"), {
    code: 1,
    json: { error: { code: "NOT_FOUND" } },
  });
  t.equal((await quipu("quota", "set", "a", "--cuda", "-1")).code, 2);
});

t.test("bad input changes nothing and says what to do", async (t) => {
  const before = (await quipu("job", "ls")).json.jobs.length;
  const unknown = await quipu(
    "run",
    jobFile("unknown", "dataSet: nowhere\ntask: { driver: hash }\n"),
  );
  t.match(unknown, { json: { error: { code: "NOT_FOUND", next: /quipu data add/ } } });
  const missing = await quipu(
    "run",
    jobFile("m", "task: { driver: tensor, model: ./no.onnx, inputs: {} }\n"),
  );
  t.match(missing, { json: { error: { code: "NOT_FOUND" } } });
  const bare = await quipu(
    "run",
    jobFile("b", `task: { driver: tensor, model: "sha256:${"0".repeat(64)}", inputs: {} }\n`),
  );
  t.match(bare.json.error ?? bare.json.jobs[0].failure, { code: "NOT_FOUND" });
  const gone = await quipu(
    "artifact",
    "get",
    `sha256:${"1".repeat(64)}`,
    "--to",
    "x",
    "--country",
    "SG",
  );
  t.match(gone, { code: 1, json: { error: { code: "NOT_FOUND" } } });
  const malformed = await quipu("artifact", "get", "sha256:12", "--to", "x", "--country", "SG");
  t.match(malformed, { code: 1, json: { error: { code: "INVALID_ARGUMENT" } } });
  const job = await quipu("job", "show", "job-nothing");
  t.match(job, { code: 1, json: { error: { code: "NOT_FOUND", next: /quipu job ls/ } } });
  t.equal((await quipu("job", "ls")).json.jobs.length, before + (bare.json.jobs?.length ?? 0));
});

t.test("bad data fails the job with a code, and the failure has a receipt", async (t) => {
  const folder = join(fleet.dataFolder("sg-1"), "broken");
  mkdirSync(folder);
  writeFileSync(join(folder, "t.csv"), "1,2\n3,nan\n");
  writeFileSync(join(folder, "u.csv"), "1,2\n3,4\n");
  const terms = ["--name", "broken", "--class", "public"];
  await fleet.kill("sg-1"); // the holding is announced when an agent attaches
  await fleet.restartAgent("sg-1");
  t.equal((await quipu("data", "add", folder, ...terms)).code, 0);
  const task = (file: string): string => `dataSet: broken
task:
  driver: tensor
  model: ${join(examples, "knn.onnx")}
  inputs:
    queries: { file: ${file}, columns: [0, 2] }
    references: { file: ${file}, columns: [0, 2], transpose: true }
`;
  const nan = await quipu("run", jobFile("nan", task("t.csv")));
  t.equal(nan.code, 1);
  t.match(nan.json.jobs[0], {
    state: "failed",
    failure: { code: "DATA_INVALID", message: /t\.csv/ },
  });
  t.type(nan.json.jobs[0].logIndex, "number", "a failed run is logged too");
  const shapes = await quipu("run", jobFile("shapes", task("u.csv")));
  t.match(shapes.json.jobs[0], { state: "failed", failure: { code: "SHAPE_MISMATCH" } });

  appendFileSync(join(folder, "t.csv"), "5,6\n");
  const changed = await quipu(
    "run",
    jobFile("changed", "dataSet: broken\ntask: { driver: hash }\n"),
  );
  t.match(changed.json.jobs[0], { state: "failed", failure: { code: "DATA_CHANGED" } });
});

t.test("an audit asks the coordinator for statements and the log for its leaves", async (t) => {
  const to = join(fleet.folder, "audit");
  const claim = ["--never-outside", "SG,CL", "--to", to];
  const made = await quipu("audit", "dataset", "digits", ...claim);
  t.match(made, { code: 0, json: { unknown: 0, altered: [], claim: { verdict: "holds" } } });
  t.ok(made.json.runs.length > 0);
  t.ok(made.json.runs.every(({ country }: { country: string }) => /^(SG|CL)$/.test(country)));
  const again = await quipu("audit", "check", to);
  t.same([again.code, again.json], [made.code, made.json]);
});

t.test("kill -9 of an agent in mid-run: the job runs elsewhere, once", async (t) => {
  const pick = "placement: { hosts: [sg-1, cl-1] }\n";
  const example = readFileSync(classify, "utf8").replace("./knn.onnx", join(examples, "knn.onnx"));
  const task = example.slice(example.indexOf("\ntask:") + 1);
  const file = jobFile("survivor", `dataSet: digits\n${pick}${task}`);
  const planned = (await quipu("plan", file)).json.plans[0].host;
  const workers = childrenOf(fleet.daemon(planned).pid);
  for (const pid of workers) process.kill(pid, "SIGSTOP"); // holds the run in its middle
  const [{ id }] = (await quipu("run", file, "--detach")).json.jobs;
  await until(
    "the run started",
    async () => (await quipu("job", "show", id)).json.job.state === "running",
  );
  await fleet.kill(planned);
  for (const pid of workers) process.kill(pid, "SIGCONT");
  await until(
    "its worker ended with it",
    async () => !workers.some((pid) => existsSync(`/proc/${pid}`)),
  );
  const { code, json } = await quipu("job", "wait", id);
  t.equal(code, 0);
  t.match(json.jobs[0], { state: "succeeded", epoch: 2 });
  t.not(json.jobs[0].host, planned, "another host did it");
  await fleet.restartAgent(planned);
  await auditsAreOver();
  const { total } = (await quipu("usage")).json;
  const receipts = (await quipu("job", "ls")).json.jobs.filter(
    ({ logIndex }: { logIndex: number | null }) => logIndex !== null,
  );
  t.equal(total.runs, `${receipts.length}`, "one receipt in the log for each job that ran");
});

t.test("kill -9 of the coordinator in mid-run loses nothing", async (t) => {
  const [{ id }] = (await quipu("run", manifest, "--detach")).json.jobs;
  await fleet.kill("coordinator");
  const away = await quipu("job", "ls");
  t.match(away, { code: 1, json: { error: { code: "UNAVAILABLE", next: /quipu up/ } } });
  await fleet.startCoordinator();
  const { code, json } = await quipu("job", "wait", id);
  t.equal(code, 0);
  t.match(json.jobs[0], { id, state: "succeeded" });
  t.match(await quipu("log", "fsck"), { code: 0, json: { ok: true } });
  const before = (await quipu("job", "ls")).json.jobs.at(-1).id;
  const to = join(fleet.folder, "exported");
  const exported = await quipu("receipt", "export", id, before, "--to", to);
  t.match(exported, {
    code: 0,
    json: {
      receipts: [
        { job: id, ok: true },
        { job: before, ok: true },
      ],
    },
  });
  const files = exported.json.receipts.map(({ file }: { file: string }) => file);
  t.match(await quipu("verify", ...files), { code: 0, json: { ok: true } });
});

t.test("a receipt is erased, and everyone who counts is told", async (t) => {
  const [{ id }] = (await quipu("run", manifest)).json.jobs;
  t.equal((await quipu("receipt", "erase", id)).code, 2, "not without a reason");
  const reason = ["--reason", "its owner asked"];
  t.match(await quipu("receipt", "erase", id, ...reason), { code: 0, json: { erased: [/^run-/] } });
  t.match(await quipu("receipt", "show", id), { code: 1, json: { error: { message: /erased/ } } });
  t.match(await quipu("usage"), { code: 0, json: { erased: "1", unverified: [] } });
  await until("the log says so", async () => {
    const { json } = await quipu("audit", "dataset", "digits");
    return json.erased === 1 && json.unknown === 0;
  });
});
