/** Audits that hosts, quotas, refusals and crowds would evade, end early or drown: none of them does. */
import { create } from "@bufbuild/protobuf";
import tap from "tap";
import { digestOf } from "../src/base/bytes.js";
import { type ErrorCode, QuipuError } from "../src/base/errors.js";
import { askAudit } from "../src/coordinator/api/ask-audit.js";
import { auditsOpenMax } from "../src/coordinator/audit/audits.js";
import { setQuota } from "../src/coordinator/dispatch/quotas.js";
import type { AskAuditRequest } from "../src/gen/quipu/v1/audit_pb.js";
import { InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import { auditOwner } from "../src/model/audit.js";
import { jobSpec } from "../src/model/job.js";
import type { RunFacts } from "../src/model/run.js";
import { Audited } from "./audited.js";
import { FakeHost, job, result } from "./coordinator-world.js";

tap.setTimeout(60_000);
const call = { signal: new AbortController().signal, peer: "unix" };

tap.test("a host cannot keep its run from being looked into by what it says of it", async (t) => {
  const model = digestOf(new Uint8Array([7]));
  const devices = ["cuda:0", "cpu"].map((id) => {
    const backends = [id === "cpu" ? "portable" : "cuda"];
    return { id, model: id, memoryBytes: 2n ** 33n, backends };
  });
  const inventory = create(InventorySchema, { devices, dataSets: [{ name: "open" }] });
  const fleet = await Audited.open(0);
  fleet.world.artifacts.add(model);
  for (let at = 1; at <= 6; at += 1) await fleet.join(`sg-${at}`, "SG", { inventory });
  const task = { driver: "tensor", model, inputs: {}, fast: "tf32" };
  const fast = job({ dataSet: "open", task });
  const says = async (spec: Uint8Array, parts: Partial<RunFacts["result"]>) => {
    const id = await fleet.world.one(spec);
    const [host, assign] = fleet.assigned(id);
    const change = (facts: RunFacts) => ({ ...facts, result: { ...result, ...parts } });
    await host.report(host.seal("succeeded", assign, change));
    return id;
  };
  await says(job(), { determinism: "none" });
  t.match(fleet.world.troubles.at(-1), /the receipt's determinism is not what was granted/);
  await says(fast, { determinism: "none", outputs: [] });
  t.match(fleet.world.troubles.at(-1), /the receipt's outputs is not what was granted/);
  const asked = async (id: string) => {
    const again = await fleet.world.job((await fleet.auditOf(id))?.againJobId ?? "");
    return jobSpec.parse(JSON.parse(Buffer.from(again.spec).toString())).task;
  };
  const odd = await says(fast, { determinism: "none" }); // as JSON, and by another name
  t.match(await asked(odd), { fast: "tf32", check: { outputs: result.outputs[0]?.digest } });
  const exact = await says(fast, { determinism: "bitwise" }); // it has lost its GPU, it says
  t.notOk("fast" in (await asked(exact)), "then it has the bits of every other");
  await fleet.again(exact, 1);
  t.match(await fleet.auditOf(exact), { state: "agreed" });
  await fleet.world.store.close();
});

tap.test("whoever fails is followed by another, and two such are enough", async (t) => {
  const fleet = await Audited.open(5);
  const id = await fleet.run(1);
  const fails = async (code: ErrorCode, of = id) => {
    const [host, assign] = fleet.assigned((await fleet.auditOf(of))?.againJobId ?? "");
    const failure = new QuipuError(code, "no").toJSON();
    await host.report(host.seal("failed", assign, (facts) => ({ ...facts, failure })));
    return host.name;
  };
  await fleet.again(id, 2);
  t.match(await fleet.auditOf(id), { state: "disputed" });
  const silent = await fails("LIMIT_EXCEEDED");
  t.match(await fleet.auditOf(id), { state: "disputed" }, "it says nothing of the others");
  t.ok((await fleet.findings(id)).includes(`${silent} silent`));
  await fleet.again(id, 1);
  t.match(await fleet.auditOf(id), { state: "decided" });
  t.equal(fleet.world.coordinator.core.audits.of(silent), undefined);
  const other = await fleet.run(1);
  await fails("INTERNAL", other);
  t.match(await fleet.auditOf(other), { state: "open" });
  await fails("INTERNAL", other);
  t.match(await fleet.auditOf(other), { state: "unanswered" });
  await fleet.world.store.close();
});

tap.test("a quota of the coordinator's makes its audits wait, and none is left out", async (t) => {
  const fleet = await Audited.open(3);
  const { core } = fleet.world.coordinator;
  await setQuota(core, auditOwner, {
    owner: auditOwner,
    weight: 1,
    cpu: { nominal: 1, borrowMax: 0 },
  });
  const ids = [await fleet.run(), await fleet.run()];
  for (const id of ids) t.match(await fleet.auditOf(id), { state: "open" });
  for (const id of ids) await fleet.again(id, 1);
  for (const id of ids) t.match(await fleet.auditOf(id), { state: "agreed" });
  await setQuota(core, auditOwner, {
    owner: auditOwner,
    weight: 1,
    cpu: { nominal: 0, borrowMax: 0 },
  });
  t.equal(await fleet.auditOf(await fleet.run()), undefined, "one that never gives anything");
  await fleet.world.store.close();
});

tap.test("an audit whose job is refused meanwhile ends", async (t) => {
  const fleet = await Audited.open(2);
  const [one, other] = fleet.hosts as [FakeHost, FakeHost];
  await fleet.world.one(job({ placement: { hosts: [other.name] } })); // it is busy
  const id = await fleet.run(1, job({ dataSet: "people" }));
  const { againJobId = "" } = (await fleet.auditOf(id)) ?? {};
  t.equal(await fleet.world.state(againJobId), "queued");
  other.leave();
  const away = await fleet.run(1, job({ dataSet: "people" }));
  t.match(await fleet.world.job(away), { host: one.name, state: "succeeded" });
  t.equal(await fleet.auditOf(away), undefined, "nobody is there to look into it");
  const moved = new FakeHost(fleet.world, other.name, "DE", newSigner("ecdsa-p256-sha256"));
  await moved.attach();
  t.equal(await fleet.world.state(againJobId), "refused");
  t.match(await fleet.auditOf(id), { state: "unanswered" });
  await fleet.world.store.close();
});

tap.test("another key does not spare a host its cordon", async (t) => {
  const fleet = await Audited.open(3);
  const id = await fleet.run(2);
  const [liar] = fleet.assigned(id);
  await fleet.again(id, 1);
  liar.leave();
  await new FakeHost(fleet.world, liar.name, "SG", newSigner("ecdsa-p256-sha256")).attach();
  await fleet.again(id, 1);
  const { core } = fleet.world.coordinator;
  t.match(core.hosts.get(liar.name)?.cordon, { reason: /^audit / });
  await fleet.world.store.close();
});

tap.test("no more audits are open at once than rounds can look at", async (t) => {
  const fleet = await Audited.open(2);
  const { core } = fleet.world.coordinator;
  for (let at = 0; at < auditsOpenMax; at += 1) core.audits.opened(`aud-${at}`);
  const id = await fleet.run();
  t.equal(await fleet.auditOf(id), undefined);
  await t.rejects(askAudit(core)({ id } as AskAuditRequest, call), { code: "LIMIT_EXCEEDED" });
  await fleet.world.store.close();
});
