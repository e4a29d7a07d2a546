/** Runs are run again on another host; whoever answers otherwise than two others is found out. */
import { create } from "@bufbuild/protobuf";
import tap from "tap";
import { digestOf } from "../src/base/bytes.js";
import { askAudit } from "../src/coordinator/api/ask-audit.js";
import { getAudit } from "../src/coordinator/api/get-audit.js";
import { getJob } from "../src/coordinator/api/get-job.js";
import { listAudits } from "../src/coordinator/api/list-audits.js";
import { listUsage } from "../src/coordinator/api/list-usage.js";
import { uncordonHost } from "../src/coordinator/host/cordon.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { eraseReceipts } from "../src/coordinator/log/erase-receipts.js";
import type {
  AskAuditRequest,
  GetAuditRequest,
  ListAuditsRequest,
} from "../src/gen/quipu/v1/audit_pb.js";
import type { GetJobRequest } from "../src/gen/quipu/v1/jobs_pb.js";
import type { ListUsageRequest } from "../src/gen/quipu/v1/log_pb.js";
import { InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import { auditOwner } from "../src/model/audit.js";
import { jobSpec } from "../src/model/job.js";
import { isCheck, productCheckBytes, productCheckFile } from "../src/model/product-check.js";
import type { RunFacts } from "../src/model/run.js";
import { judge } from "../src/proof/audit/judgement.js";
import { detectionChance, reasonToAudit } from "../src/proof/audit/sampling.js";
import { Audited, always } from "./audited.js";
import { FakeHost, job, result, settle } from "./coordinator-world.js";
import { DishonestFleet } from "./dishonest.js";

tap.setTimeout(60_000);
const call = { signal: new AbortController().signal, peer: "unix" };

tap.test("an equal answer of another host speaks for both", async (t) => {
  const fleet = await Audited.open(2);
  const id = await fleet.run();
  const audit = await fleet.auditOf(id);
  t.match(audit, { state: "open", reason: "lot", jobId: id });
  const again = await fleet.world.job(audit?.againJobId ?? "");
  const { specDigest, host } = await fleet.world.job(id);
  t.match(again, { owner: auditOwner, specDigest, state: "placed", auditId: audit?.id });
  t.not(again.host, host, "never where it ran");
  await fleet.again(id, 1);
  t.match(await fleet.auditOf(id), { state: "agreed", closedAtMs: Number });
  t.same([...(await fleet.findings(id))].sort(), ["sg-1 right", "sg-2 right"]);
  t.equal(await fleet.auditOf(again.id), undefined, "what looks into others is not looked into");
  const { audits } = fleet.world.coordinator.core;
  t.match(audits.of("sg-1"), { right: 1, wrong: 0, rightInRow: 1 });
  const [act] = await fleet.acts("audit.agreed");
  t.match(act, {
    details: { audit: audit?.id, job: id, "answer.0": /^sg-\d run-\w+ \w+ sha256:\w+ right$/ },
  });
  await fleet.world.start();
  t.match(fleet.world.coordinator.core.audits.of("sg-2"), { rightInRow: 1 }, "over a restart");
  await fleet.world.store.close();
});

tap.test("of two that differ a third decides, and the loser gets no more work", async (t) => {
  for (const liesFirst of [true, false]) {
    const fleet = await Audited.open(3);
    const id = await fleet.run(liesFirst ? 2 : 1);
    const first = (await fleet.world.job(id)).host;
    const asked = (await fleet.auditOf(id))?.againJobId ?? "";
    const second = await fleet.again(id, liesFirst ? 1 : 2);
    t.match(await fleet.auditOf(id), { state: "disputed" });
    t.same(await fleet.findings(id), [`${first} disputed`, `${second} disputed`]);
    t.equal((await fleet.acts("audit.disputed")).length, 1);
    t.match(fleet.world.troubles.at(-1), /audit of run .* is disputed/);
    const erase = (of: string) => eraseReceipts(fleet.world.coordinator.core, of, "asked");
    for (const disputed of [id, asked])
      await t.rejects(erase(disputed), { code: "CONFLICT", message: /is not over/ });
    const third = await fleet.again(id, 1);
    t.equal(new Set([first, second, third]).size, 3);
    t.match(await fleet.auditOf(id), { state: "decided" });
    const [loser, winner] = liesFirst ? [first, second] : [second, first];
    t.same(
      [...(await fleet.findings(id))].sort(),
      [`${loser} wrong`, `${winner} right`, `${third} right`].sort(),
    );
    const { core } = fleet.world.coordinator;
    t.match(core.audits.of(loser), { wrong: 1, rightInRow: 0 });
    t.match(core.hosts.get(loser)?.cordon, { reason: /^audit aud-\w+: its answer/ });
    t.match(await fleet.world.store.hosts.get(loser), { cordon: {} }, "durably");
    t.equal((await fleet.acts("host.cordon")).length, 1);
    t.equal((await fleet.acts("audit.decided")).length, 1);
    const next = await fleet.world.one();
    t.not((await fleet.world.job(next)).host, loser);
    await fleet.world.store.close();
  }
});

tap.test("where nobody agrees and nobody is left, nobody is found right", async (t) => {
  const fleet = await Audited.open(3);
  const id = await fleet.run(1);
  await fleet.again(id, 2);
  await fleet.again(id, 3);
  t.match(await fleet.auditOf(id), { state: "undecided" });
  t.same(
    (await fleet.findings(id)).map((one) => one.split(" ")[1]),
    ["alone", "alone", "alone"],
  );
  t.equal((await fleet.acts("audit.undecided")).length, 1);
  t.equal(fleet.world.coordinator.core.audits.of("sg-1"), undefined);
  t.equal((await fleet.acts("host.cordon")).length, 0);
  await fleet.world.store.close();
});

tap.test("of a fast run it is asked whether it is within the error model", async (t) => {
  for (const isHonest of [true, false]) {
    const fleet = await Audited.open(0);
    const model = digestOf(new Uint8Array([7]));
    fleet.world.artifacts.add(model);
    const gpu = { id: "cuda:0", model: "gpu", memoryBytes: 2n ** 33n, backends: ["cuda"] };
    const cpu = { id: "cpu", model: "x86", memoryBytes: 2n ** 33n, backends: ["portable"] };
    for (const name of ["sg-1", "sg-2", "sg-3"]) {
      const inventory = create(InventorySchema, {
        devices: name === "sg-1" ? [cpu, gpu] : [cpu],
        dataSets: [{ name: "open" }],
      });
      await fleet.join(name, "SG", { inventory });
    }
    const task = { driver: "tensor", model, inputs: {}, fast: "tf32" };
    const id = await fleet.world.one(job({ dataSet: "open", task }));
    const [host, assign] = fleet.assigned(id);
    const mediaType = "application/x-safetensors";
    const outputs = result.outputs.map((one) => ({
      ...one,
      name: "outputs.safetensors",
      mediaType,
    }));
    const how = { device: "cuda:0", backend: "cuda", determinism: "none" } as const;
    const fast = { ...result, outputs, ...how };
    await host.report(host.seal("succeeded", assign, (facts) => ({ ...facts, result: fast })));
    for (const _ of isHonest ? [1] : [1, 2]) {
      const audit = await fleet.auditOf(id);
      const [checker, asked] = fleet.assigned(audit?.againJobId ?? "");
      t.not(checker.name, "sg-1");
      const spec = jobSpec.parse(JSON.parse(Buffer.from(asked.spec).toString()));
      if (spec.task.driver !== "tensor" || !isCheck(spec.task)) throw new Error("no check");
      t.match(spec.task, { model, fast: "tf32", check: { outputs: outputs[0]?.digest } });
      t.same(
        asked.inputs.map(({ digest }) => digest),
        [model, outputs[0]?.digest],
      );
      t.match(asked.inputs[1], { url: /^http:..127.0.0.1:8/ }, "from the host that holds it");
      const digest = digestOf(productCheckBytes(spec.task, isHonest));
      const said = result.outputs.map((one) => ({ ...one, name: productCheckFile, digest }));
      const done = (facts: RunFacts) => ({ ...facts, result: { ...result, outputs: said } });
      await checker.report(checker.seal("succeeded", asked, done));
    }
    t.match(await fleet.auditOf(id), { state: isHonest ? "agreed" : "decided" });
    t.equal((await fleet.findings(id))[0], `sg-1 ${isHonest ? "right" : "wrong"}`);
    await fleet.world.store.close();
  }
});

tap.test("five answers are enough", async (t) => {
  const fleet = await Audited.open(6);
  const id = await fleet.run(1);
  for (const output of [2, 3, 4]) await fleet.again(id, output);
  t.match(await fleet.auditOf(id), { state: "disputed" });
  await fleet.again(id, 5);
  t.match(await fleet.auditOf(id), { state: "undecided" });
  await fleet.world.store.close();
});

tap.test(
  "a run that fails by the job's own fault elsewhere contradicts one that did not",
  async (t) => {
    const fleet = await Audited.open(3);
    const id = await fleet.run(1);
    for (const _ of [1, 2]) {
      const audit = await fleet.auditOf(id);
      const [host, assign] = fleet.assigned(audit?.againJobId ?? "");
      await host.report(host.seal("failed", assign));
    }
    t.match(await fleet.auditOf(id), { state: "decided" });
    t.equal((await fleet.findings(id))[0]?.split(" ")[1], "wrong");
    await fleet.world.store.close();
  },
);

tap.test("nobody is asked outside the law, nor for what cannot be compared", async (t) => {
  const fleet = await Audited.open(1);
  const alone = await fleet.run();
  t.equal(await fleet.auditOf(alone), undefined, "there is no other host");
  const abroad = await fleet.join("de-1", "DE");
  const personal = await fleet.run(1, job({ dataSet: "people" }));
  t.equal(await fleet.auditOf(personal), undefined, "the other one may not read it");
  t.equal(abroad.all("assign").length, 0);
  const pinned = await fleet.run(1, job({ placement: { hosts: ["sg-1"] } }));
  t.equal(await fleet.auditOf(pinned), undefined, "its owner wants no other");
  const open = await fleet.run(1, job({ dataSet: "open", placement: { hosts: ["sg-1", "de-1"] } }));
  t.match(await fleet.auditOf(open), { state: "open" });
  await fleet.world.store.close();
});

tap.test("every run of a new host is looked into, until enough in a row were right", async (t) => {
  const fleet = await Audited.open(2, { ...always, rate: 0, newHostRuns: 3 });
  const only = { placement: { hosts: ["sg-1", "sg-2"] } };
  for (let run = 0; run < 3; run += 1) {
    const id = await fleet.run(1, job(only));
    t.match(await fleet.auditOf(id), { reason: "new-host" });
    await fleet.again(id, 1);
  }
  const { core } = fleet.world.coordinator;
  t.match(core.audits.of("sg-1"), { rightInRow: 3 });
  t.equal(await fleet.auditOf(await fleet.run(1, job(only))), undefined, "both are known now");
  const one = fleet.hosts[0] as FakeHost;
  one.leave();
  const renewed = new FakeHost(fleet.world, "sg-1", "SG", newSigner("ecdsa-p256-sha256"));
  fleet.hosts[0] = renewed;
  await renewed.attach();
  const id = await fleet.run(1, job(only));
  t.equal((await fleet.world.job(id)).host, "sg-1");
  t.match(await fleet.auditOf(id), { reason: "new-host" }, "with another key it is another host");
  await fleet.world.store.close();
});

tap.test("a host that was wrong is new again when its operator lets it back", async (t) => {
  const fleet = await Audited.open(3);
  fleet.world.audits = { ...always, rate: 0, newHostRuns: 1 };
  const id = await fleet.run(2);
  await fleet.again(id, 1);
  await fleet.again(id, 1);
  const loser = (await fleet.world.job(id)).host;
  await fleet.world.start();
  for (const host of fleet.hosts) await host.attach();
  await uncordonHost(fleet.world.coordinator.core, loser);
  const back = await fleet.run(1, job({ placement: { hosts: [loser, "sg-2", "sg-3"] } }));
  t.equal((await fleet.world.job(back)).host, loser);
  t.match(await fleet.auditOf(back), { reason: "new-host" });
  await fleet.world.store.close();
});

tap.test("an audit that nobody answers in time ends", async (t) => {
  const fleet = await Audited.open(2);
  const late = await fleet.run();
  const [busy, held] = fleet.assigned((await fleet.auditOf(late))?.againJobId ?? "");
  await busy.running(held);
  await fleet.world.advance(1_000);
  fleet.world.nowMs += always.withinMs;
  busy.leave();
  await fleet.world.advance(20_000);
  await fleet.world.advance(20_000);
  t.match(await fleet.auditOf(late), { state: "unanswered" });
  t.equal((await fleet.acts("audit.unanswered")).length, 1);
  await fleet.world.store.close();
});

tap.test("an audit that is stopped has no answer", async (t) => {
  const fleet = await Audited.open(2);
  const id = await fleet.run();
  const { againJobId = "" } = (await fleet.auditOf(id)) ?? {};
  const [host, assign] = fleet.assigned(againJobId);
  await cancelJob(fleet.world.coordinator.core, againJobId, "not now");
  await host.report(host.seal("cancelled", assign));
  t.match(await fleet.auditOf(id), { state: "unanswered" });
  t.same(await fleet.findings(id), [`${(await fleet.world.job(id)).host} open`]);
  const ask = (of = id) => {
    return askAudit(fleet.world.coordinator.core)({ id: of } as AskAuditRequest, call);
  };
  const { id: by } = (await fleet.auditOf(id)) ?? {};
  const { audit } = await ask(by);
  t.match(audit, { reason: "asked", state: "open" });
  t.not(audit?.againJobId, againJobId);
  t.same((await ask()).audit, audit, "once");
  await settle();
  await fleet.again(id, 1);
  t.match(await fleet.auditOf(id), { id: audit?.id, state: "agreed" });
  t.equal((await fleet.findings(id))[0], `${(await fleet.world.job(id)).host} right`);
  await fleet.world.store.close();
});

tap.test("a process that dies before it has compared is followed by one that does", async (t) => {
  const fleet = await Audited.open(2);
  const id = await fleet.run();
  fleet.world.coordinator.core.audits.look = () => undefined;
  await fleet.again(id, 1);
  t.match(await fleet.auditOf(id), { state: "open" });
  await fleet.world.start();
  await fleet.world.advance(300);
  t.match(await fleet.auditOf(id), { state: "agreed" });
  t.equal((await fleet.acts("audit.agreed")).length, 1);
  await fleet.world.store.close();
});

tap.test("cheats are found as often as the formula says", async (t) => {
  const [rate, cheats, runs, trials] = [0.5, 0.2, 6, 150];
  const fleet = await DishonestFleet.open(rate);
  let found = 0;
  for (let trial = 0; trial < trials; trial += 1) {
    if (await fleet.isFound({ rate, cheats, runs })) found += 1;
  }
  await fleet.close();
  const expected = detectionChance(rate, cheats, runs);
  const deviation = Math.sqrt((expected * (1 - expected)) / trials);
  t.ok(Math.abs(found / trials - expected) < 4 * deviation, `${found} of ${trials}`);
});

tap.test("nobody's job bears the name of the coordinator", async (t) => {
  const fleet = await Audited.open(1);
  await t.rejects(fleet.world.one(job({ owner: auditOwner })), { code: "JOB_FILE_INVALID" });
  await fleet.world.store.close();
});

tap.test(
  "what was found wrong is not to be paid, and looking is the operator's to pay",
  async (t) => {
    const fleet = await Audited.open(3);
    const id = await fleet.run(2, job({ owner: "lab" }));
    await fleet.world.advance(300);
    const usage = async () => {
      const asked = { firstIndex: 0n, limit: 0 } as ListUsageRequest;
      const { runs = [] } = await listUsage(fleet.world.coordinator.core)(asked, call);
      return runs.map(({ owner, charge }) => `${owner} ${charge}`);
    };
    t.same(await usage(), ["lab due"]);
    await fleet.again(id, 1);
    await fleet.world.advance(300);
    t.same(await usage(), ["lab held", `${auditOwner} held`]);
    await fleet.again(id, 1);
    await fleet.world.advance(300);
    t.same(await usage(), ["lab withheld", `${auditOwner} due`, `${auditOwner} due`]);
    await fleet.world.store.close();
  },
);

tap.test("anybody may ask for a run to be looked into", async (t) => {
  const fleet = await Audited.open(2, { ...always, rate: 0 });
  const { core } = fleet.world.coordinator;
  const ask = async (id: string) => {
    const answer = await askAudit(core)({ id } as AskAuditRequest, call);
    await settle(); // it is given to a host meanwhile
    return answer;
  };
  const id = await fleet.run();
  t.equal(await fleet.auditOf(id), undefined);
  await t.rejects(getAudit(core)({ id } as GetAuditRequest, call), { code: "NOT_FOUND" });
  const { audit } = await ask(id);
  t.match(audit, { jobId: id, reason: "asked", state: "open" });
  t.same((await ask((await fleet.world.job(id)).runId)).audit, audit, "twice is once");
  await fleet.again(id, 1);
  t.match(await getAudit(core)({ id: audit?.id } as GetAuditRequest, call), {
    audit: { state: "agreed", answers: [{ finding: "right" }, { finding: "right" }] },
  });
  t.match(await getJob(core)({ id } as GetJobRequest, call), {
    job: { audit: { state: "agreed" } },
  });
  await fleet.world.advance(10);
  const other = await fleet.run();
  await ask(other);
  const page = await listAudits(core)({ limit: 1, after: "" } as ListAuditsRequest, call);
  t.match(page, { audits: [{ jobId: other }] });
  const rest = await listAudits(core)({ limit: 1, after: page.next } as ListAuditsRequest, call);
  t.match(rest, { audits: [{ jobId: id }], next: "" });
  const both = await listAudits(core)({ limit: 0, after: "" } as ListAuditsRequest, call);
  t.same(
    both.audits?.map((one) => [one.jobId, one.answers?.map(({ finding }) => finding)]),
    [
      [other, ["open"]],
      [id, ["right", "right"]],
    ],
    "to each its own answers",
  );
  for (const limit of [-1, 501]) {
    const list = listAudits(core)({ limit, after: "" } as ListAuditsRequest, call);
    await t.rejects(list, { code: "INVALID_ARGUMENT" }, `limit ${limit}`);
  }
  await t.rejects(ask("job-none"), { code: "NOT_FOUND" });
  await fleet.again(other, 1);
  const pinned = await fleet.run(1, job({ placement: { hosts: ["sg-1"] } }));
  await t.rejects(ask(pinned), { code: "NOT_PLACED" });
  const gone = await fleet.run();
  await fleet.world.advance(300);
  await eraseReceipts(core, gone, "asked");
  await t.rejects(ask(gone), { code: "CONFLICT", message: /was erased/ });
  const looking = (await fleet.auditOf(other))?.againJobId ?? "";
  t.match(await ask(looking), { audit: { jobId: other } }, "by what looks into it");
  const own = ask((await fleet.world.job(looking)).runId);
  await t.rejects(own, { code: "CONFLICT", message: /looks into another run itself/ });
  await t.rejects(ask(await fleet.world.one()), { code: "CONFLICT", message: /is placed/ });
  for (const host of fleet.hosts) host.leave();
  await t.rejects(ask(await fleet.world.one()), { code: "CONFLICT", message: /is queued/ });
  await fleet.world.store.close();
});

tap.test("judgement and sampling", async (t) => {
  const answer = (host: string, output: number) => {
    return { host, keyId: host, answer: digestOf(new Uint8Array([output])), atMs: 0 };
  };
  t.same(judge([answer("a", 1), answer("a", 1)], false).state, "disputed", "one host is one voice");
  t.same(judge([answer("a", 1), answer("b", 2), answer("c", 2)], false), {
    state: "decided",
    findings: ["wrong", "right", "right"],
  });
  t.same(judge([answer("a", 1)], true), { state: "unanswered", findings: ["open"] });
  t.equal(reasonToAudit({ ...always, rate: 0.02, newHostRuns: 10 }, 9, 0.5), "new-host");
  t.equal(reasonToAudit({ ...always, rate: 0.02, newHostRuns: 10 }, 10, 0.02), undefined);
  t.equal(reasonToAudit({ ...always, rate: 0.02, newHostRuns: 10 }, 10, 0.019), "lot");
  t.equal(detectionChance(0.02, 1, 1), 1 - 0.98);
});
