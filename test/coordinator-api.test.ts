/** A whole coordinator over gRPC and HTTP, and an agent that is its protocol alone. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import t, { type Test } from "tap";
import { placeMessage, runUpdate, say } from "../src/agent/messages.js";
import { AsyncQueue } from "../src/base/async-queue.js";
import { digestOf } from "../src/base/bytes.js";
import { canonicalBytes, canonicalJson } from "../src/base/canonical-json.js";
import { placeOf } from "../src/coordinator/wire.js";
import {
  type Assign,
  type AttachRequest,
  type AttachResponse,
  AttachService,
  HelloSchema,
  LogLinesSchema,
  RunState,
} from "../src/gen/quipu/v1/attach_pb.js";
import {
  ArtifactAction,
  ArtifactService,
  DataSetService,
  HostService,
} from "../src/gen/quipu/v1/fleet_pb.js";
import { JobService } from "../src/gen/quipu/v1/jobs_pb.js";
import { LogService } from "../src/gen/quipu/v1/log_pb.js";
import { InventorySchema, JobState } from "../src/gen/quipu/v1/types_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import { client, connect } from "../src/io/rpc/client.js";
import { parseVerifierKey } from "../src/proof/tlog/verifier-key.js";
import { verifyReceipt } from "../src/proof/verify/receipt.js";
import { trustBeside } from "../src/proof/verify/trust.js";
import { job, places, refOf, sealOf } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { openDaemon } from "./local-daemon.js";

t.setTimeout(120_000);
const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

const blob = new TextEncoder().encode("a model");
const digest = digestOf(blob);

const prices = join(root, "prices");
mkdirSync(prices);
const book = {
  version: "quipu.dev/price-book/v1",
  name: "usual",
  currency: "SGD",
  from: "2020-01-01T00:00:00Z",
  rates: [{ kind: "cpu", nanosPerSecond: 25_000 }],
  egress: [{ nanosPerGigabyte: 10_000_000_000 }],
};
const writeBook = (name: string, text: string) => writeFileSync(join(prices, name), text);
writeBook("usual.json", JSON.stringify(book));

const daemon = await openDaemon(join(root, "state"), { priceFolder: prices });
const channel = connect(daemon.grpcAddress);
t.teardown(async () => {
  channel.close();
  await daemon.close();
});
const jobs = client(channel, JobService);
const hosts = client(channel, HostService);
const dataSets = client(channel, DataSetService);
const artifacts = client(channel, ArtifactService);
const log = client(channel, LogService);

/** The agent's side of one stream. */
class Dialled {
  readonly signer = newSigner("ecdsa-p256-sha256");
  readonly #outgoing = new AsyncQueue<AttachRequest>(1_000);
  readonly #incoming = client(channel, AttachService)
    .attach(this.#outgoing)
    [Symbol.asyncIterator]();

  readonly #kept: AttachResponse["message"][] = [];

  say(message: Parameters<typeof say>[0]): void {
    this.#outgoing.push(say(message));
  }

  hello(): void {
    const value = create(HelloSchema, {
      host: "sg-1",
      place: placeMessage(places.SG),
      inventory: create(InventorySchema, {
        hostname: "machine",
        devices: [{ id: "cpu", model: "x86", memoryBytes: 2n ** 33n, backends: ["portable"] }],
        dataSets: [{ name: "people" }],
      }),
      receiptKey: this.signer.publicKey,
      httpUrl: "http://127.0.0.1:8",
      instanceId: "one",
    });
    this.say({ case: "hello", value });
  }

  /** The next message of this kind; others are kept for later. Undefined at the stream's end. */
  async next(kind: string) {
    const kept = this.#kept.findIndex((message) => message.case === kind);
    if (kept >= 0) return this.#kept.splice(kept, 1)[0]?.value;
    for (;;) {
      const step = await this.#incoming.next();
      if (step.done === true) return undefined;
      const { message } = step.value;
      if (message.case === kind) return message.value;
      this.#kept.push(message);
    }
  }

  async assigned(): Promise<Assign> {
    return (await this.next("assign")) as Assign;
  }

  seal(assign: Assign, outcome: "succeeded" | "failed" = "succeeded") {
    const host = { name: "sg-1", place: places.SG, signer: this.signer };
    return sealOf(host, assign, outcome);
  }
}

const agent = new Dialled();
const people = {
  name: "people",
  dataClass: "personal",
  owner: "clinic",
  countries: ["CL", "SG"],
  manifestDigest: `sha256:${"a".repeat(64)}`,
  merkleRoot: "b".repeat(64),
  sizeBytes: 10n,
  files: 1n,
};

t.test("data sets, hosts and artifacts", async (t) => {
  const added = await dataSets.addDataSet({ dataSet: people });
  const again = await dataSets.addDataSet({ dataSet: people });
  t.same(again.dataSet?.registeredAt, added.dataSet?.registeredAt, "the first registration");
  const other = { ...people, countries: ["DE"] };
  t.equal((await failure(dataSets.addDataSet({ dataSet: other }))).code, "ALREADY_EXISTS");
  const wrong = { ...people, name: "x", countries: ["Chile"] };
  t.equal((await failure(dataSets.addDataSet({ dataSet: wrong }))).code, "INVALID_ARGUMENT");
  t.equal((await dataSets.listDataSets({})).dataSets.length, 1);
  const terms = { origin: "SG", persons: 7, grants: [] };
  const lent = { ...people, name: "lent", terms: canonicalBytes(terms) };
  const kept = (await dataSets.addDataSet({ dataSet: lent })).dataSet?.terms;
  t.equal(Buffer.from(kept ?? []).toString(), canonicalJson(terms));
  t.same(
    (await dataSets.listDataSets({})).dataSets.map((set) => set.terms.length > 0),
    [true, false],
  );
  const retold = { ...lent, terms: canonicalBytes({ ...terms, persons: 8 }) };
  t.equal((await failure(dataSets.addDataSet({ dataSet: retold }))).code, "ALREADY_EXISTS");
  for (const text of ["{", '{"origins":"SG"}', '{"persons":-1}']) {
    const odd = { ...people, name: "odd", terms: Buffer.from(text) };
    t.match(await failure(dataSets.addDataSet({ dataSet: odd })), { message: /terms/ }, text);
  }

  const full = { ...places.SG, gradeUntil: "2027-01-01T00:00:00Z", operator: "clinic" };
  t.same(placeOf(placeMessage(full)), full, "a place keeps all that it says on its way");
  agent.hello();
  t.match(await agent.next("welcome"), { heartbeatMs: 1_000n, leaseMs: 10_000n });
  const [host] = (await hosts.listHosts({})).hosts;
  t.match(host, { name: "sg-1", attached: true, inventory: { hostname: "machine" } });
  t.equal((await failure(hosts.getHost({ name: "sg-7" }))).code, "NOT_FOUND");

  const ask = { digest, sizeBytes: BigInt(blob.length), destinationCountry: "SG" };
  t.equal((await failure(artifacts.grantArtifact(ask))).code, "INVALID_ARGUMENT");
  const get = { ...ask, action: ArtifactAction.GET };
  t.equal((await failure(artifacts.grantArtifact(get))).code, "NOT_FOUND");
  const put = await artifacts.grantArtifact({ ...ask, action: ArtifactAction.PUT });
  const send = (token: string, body: Uint8Array) =>
    fetch(put.url, { method: "PUT", headers: { authorization: `Bearer ${token}` }, body });
  t.equal((await send("nonsense", blob)).status, 403);
  t.equal((await send(put.token, new Uint8Array(7))).status, 422, "other bytes than were granted");
  t.equal((await send(put.token, blob)).status, 201);
  const { url, token } = await artifacts.grantArtifact(get);
  const fetched = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  t.equal(digestOf(new Uint8Array(await fetched.arrayBuffer())), digest);
  t.match((await artifacts.listArtifacts({})).artifacts, [{ digest, sizeBytes: 7n }]);
});

/** What a host is to a job that it has, and to one that waits for it. */
async function checkFindings(t: Test, first: string | undefined, second: string | undefined) {
  const finding = async (jobId = "", host = "sg-1") => await jobs.explainHost({ jobId, host });
  const offer = { case: "offer", value: { host: "sg-1", device: "cpu", hosts: 1 } };
  t.match(await finding(first), { finding: offer, whenPlaced: true });
  const busy = { case: "reason", value: { rule: "device.busy", named: ["sg-1"] } };
  t.match(await finding(second), { finding: busy, whenPlaced: false });
  t.match(await failure(finding(first, "sg-9")), { code: "NOT_FOUND" });
  t.match(await failure(finding("job-9")), { code: "NOT_FOUND" });
}

t.test("a plan says what it costs to bring a model of seven bytes", async (t) => {
  const task = { driver: "tensor", model: digest, inputs: {} };
  const [brings] = (await jobs.planJobs({ specs: [job({ task })] })).plans;
  t.match(brings?.offers, [{ egress: { currency: "SGD", nanos: 70n } }]);
});

t.test("a job from submission to a receipt that verifies offline", async (t) => {
  const [plan] = (await jobs.planJobs({ specs: [job({ dataSet: "people" })] })).plans;
  t.match(plan, { host: "sg-1", country: "SG", outcome: JobState.PLACED });
  t.match(plan?.offers, [{ host: "sg-1", currency: "SGD", nanosPerSecond: 25_000n }]);
  t.equal((await jobs.listJobs({})).jobs.length, 0, "a plan starts nothing");
  const unknown = { idempotencyKey: "k0", specs: [job({ dataSet: "nobody" })] };
  t.match(await failure(jobs.submitJobs(unknown)), { code: "NOT_FOUND", next: /quipu data add/ });

  const submission = { idempotencyKey: "k1", specs: [job({ dataSet: "people" }), job()] };
  const submitted = await jobs.submitJobs(submission);
  const [first, second] = submitted.jobs.map(({ id }) => id);
  const again = await jobs.submitJobs(submission);
  t.same(
    again.jobs.map(({ id }) => id),
    [first, second],
  );
  const seen: JobState[] = [];
  const watching = (async () => {
    for await (const change of jobs.watchJob({ id: first ?? "" })) {
      const state = change.job?.state ?? 0;
      if (seen.at(-1) !== state) seen.push(state);
    }
  })();
  const logged: string[] = [];
  const following = (async () => {
    for await (const { lines } of jobs.getJobLogs({ id: first ?? "", follow: true })) {
      logged.push(...lines);
    }
  })();
  const assign = await agent.assigned();
  t.match(assign, { jobId: first, dataSets: [{ name: "people", dataClass: "personal" }] });
  await checkFindings(t, first, second);
  const running = runUpdate("sg-1", refOf(assign), {
    state: RunState.RUNNING,
    progress: 0.25,
    activity: "hashing",
  });
  agent.say({ case: "runUpdate", value: running });
  const lines = create(LogLinesSchema, {
    ...refOf(assign),
    epoch: assign.epoch,
    lines: ["one", "two"],
  });
  agent.say({ case: "logLines", value: lines });
  const noOutputs = await failure(jobs.grantOutputs({ id: first ?? "", destinationCountry: "SG" }));
  t.match(noOutputs, { code: "CONFLICT", next: /wait/ });
  t.equal((await failure(log.getReceipt({ jobId: first ?? "" }))).code, "NOT_FOUND");
  agent.say({ case: "runUpdate", value: agent.seal(assign) });
  t.match(await agent.next("runAck"), { accepted: true });
  await Promise.all([watching, following]);
  t.equal(seen.at(-1), JobState.SUCCEEDED);
  t.ok(seen.length > 1, "changes were pushed");
  t.same(logged, ["one", "two"]);

  const { job: done } = await jobs.getJob({ id: first ?? "" });
  t.match(done, {
    state: JobState.SUCCEEDED,
    host: "sg-1",
    country: "SG",
    receiptLogged: true,
    determinism: "bitwise",
    backend: "portable",
    outputs: [{ name: "manifest.json", host: "sg-1" }],
  });
  const receipt = await log.getReceipt({ jobId: first ?? "" });
  const bundle = receipt.files.find(({ name }) => name.endsWith(".sigstore.json"));
  const report = verifyReceipt(bundle?.content ?? blob, trustBeside(receipt.files));
  t.match(report, { ok: true });
  const head = await log.getLogHead({});
  t.ok(head.size > 0n);
  t.match(head, { rootHash: /^[0-9a-f]{64}$/, origin: /^quipu\.local\// });
  t.equal(parseVerifierKey(head.verifierKey).name, head.origin);
  const checkpoint = await fetch(`${head.tilesUrl}/checkpoint`);
  t.equal(await checkpoint.text(), head.checkpoint);

  const right = await jobs.grantOutputs({ id: first ?? "", destinationCountry: "CL" });
  t.match(right.outputs, [{ url: /^http:\/\/127\.0\.0\.1:8\/v1\/artifacts\/sha256:/ }]);
  const refused = await failure(jobs.grantOutputs({ id: first ?? "", destinationCountry: "DE" }));
  t.match(refused, { code: "REFUSED_BY_POLICY", message: /may not go to DE/, next: /export/ });

  const page = await jobs.listJobs({ limit: 1 });
  t.same([page.jobs[0]?.id, page.next], [second, second]);
  t.equal((await jobs.listJobs({ limit: 1, after: page.next })).jobs[0]?.id, first);
  t.equal((await failure(jobs.listJobs({ limit: 9_999 }))).code, "INVALID_ARGUMENT");
  const source = { file: "a.csv", columns: [0, 1] };
  const inputs = Object.fromEntries(
    Array.from({ length: 1_200 }, (_, at) => [`${"x".repeat(100)}${at}`, source]),
  );
  const long = job({
    placement: { hosts: ["cl-7"] },
    task: { driver: "tensor", model: digest, inputs },
  });
  for (let at = 0; at < 24; at += 1) {
    await jobs.submitJobs({ idempotencyKey: `long-${at}`, specs: [long] });
  }
  const all = await jobs.listJobs({});
  t.same([all.jobs.length, all.next], [26, ""], "more than a message holds, were it told whole");
  t.equal((await jobs.getJob({ id: all.jobs[0]?.id ?? "" })).job?.spec.length, long.length);
  t.equal((await failure(jobs.getJob({ id: "job-none" }))).code, "NOT_FOUND");
});

t.test("cancel over the wire, a newer stream, metrics", async (t) => {
  const assign = await agent.assigned();
  const { jobId } = assign;
  t.match((await jobs.cancelJob({ id: jobId, reason: "enough" })).job?.state, JobState.PLACED);
  t.match(await agent.next("cancel"), { runId: assign.runId, reason: "enough" });
  const newer = new Dialled();
  newer.hello(); // the same agent, on a stream that is not known to have ended
  await newer.next("welcome");
  t.equal(await agent.next("never"), undefined, "the older stream ends");
  t.match(await newer.assigned(), { runId: assign.runId });
  t.match(await newer.next("cancel"), { runId: assign.runId });
  const bad = new Dialled();
  bad.say({ case: "logLines", value: create(LogLinesSchema, { lines: ["early"] }) });
  t.match(await bad.next("refused"), { code: "INVALID_ARGUMENT" });
  t.equal(await bad.next("never"), undefined);
  const metrics = await (await fetch(`${daemon.httpUrl}/metrics`)).text();
  t.match(metrics, /quipu_log_entries [1-9][0-9]*\n/);
  t.match(metrics, /quipu_hosts_attached 1\n/);
  t.equal((await fetch(`${daemon.httpUrl}/readyz`)).status, 200);
});

t.test("what a coordinator refuses to start with", async (t) => {
  const stateFolder = join(root, "named");
  await (await openDaemon(stateFolder, { origin: "quipu.example/born" })).close();
  const renamed = await failure(openDaemon(stateFolder, { origin: "quipu.example/other" }));
  t.match(renamed, { code: "CONFLICT", message: /named quipu\.example\/born/, next: /--origin/ });
  const again = await openDaemon(stateFolder);
  await again.close();
  t.match(await failure(openDaemon(stateFolder, { policyFolder: join(root, "none") })), {
    code: "NOT_FOUND",
    next: /--policy/,
  });
  t.match(await failure(openDaemon(stateFolder, { policyFolder: root })), { code: "NOT_FOUND" });
  const taken = daemon.httpUrl.replace("http://", "");
  t.equal((await failure(openDaemon(stateFolder, { httpListen: taken }))).code, "PORT_TAKEN");
  const open = await failure(openDaemon(stateFolder, { listen: "0.0.0.0:0" }));
  t.equal(open.code, "INSECURE_ENDPOINT");
});

t.test(
  "price books that cannot be read are refused before anything starts, by file and field",
  async (t) => {
    const open = () => failure(openDaemon(join(root, "other"), { priceFolder: prices }));
    writeBook("wrong.json", JSON.stringify({ ...book, currency: "dollars" }));
    t.match(await open(), {
      code: "DATA_INVALID",
      message: /wrong\.json: currency: must be an ISO/,
    });
    writeBook("wrong.json", "{");
    t.match(await open(), { code: "DATA_INVALID", message: /wrong\.json is not JSON/ });
    rmSync(prices, { recursive: true });
    t.match(await open(), { code: "NOT_FOUND", next: /--prices/ });
    mkdirSync(prices);
    t.match(await open(), { code: "NOT_FOUND", message: /no price book is in/ });
  },
);
