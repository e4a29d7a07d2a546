/** Jobs that come after others: in one submission and across, with and without what those make. */
import fc from "fast-check";
import t from "tap";
import { planJobs } from "../src/coordinator/api/plan-jobs.js";
import { submitJobs } from "../src/coordinator/job/admission.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { askedOf } from "../src/coordinator/job/specs.js";
import { jobMessage } from "../src/coordinator/wire.js";
import { JobState } from "../src/gen/quipu/v1/types_pb.js";
import { askedJob, jobBytes, jobDigest, jobSpec } from "../src/model/job.js";
import { checkCycles } from "../src/model/job-graph.js";
import { explain } from "../src/scheduler/placement/explain.js";
import { CoordinatorWorld, FakeHost, job, result } from "./coordinator-world.js";
import { failure } from "./failure.js";

t.setTimeout(60_000);

const named = (name: string, ...after: string[]) =>
  job({ name, ...(after.length === 0 ? {} : { after }) });

const withModelOf = (name: string, from: string, parts: Record<string, unknown> = {}) =>
  jobBytes(
    askedJob.parse({
      version: "quipu.dev/v1",
      name,
      dataSet: "open",
      task: { driver: "tensor", model: { job: from, output: "manifest.json" }, inputs: {} },
      ...parts,
    }),
  );

t.test("cycles are refused at once, with the cycle named", async (t) => {
  const world = await CoordinatorWorld.open();
  const submit = (...specs: Uint8Array[]) => submitJobs(world.coordinator.core, "key", specs);
  const refused: [Uint8Array[], string, RegExp][] = [
    [[named("a", "a")], "JOB_FILE_INVALID", /wait for each other: a → a$/],
    [
      [named("x"), named("a", "b"), named("b", "c"), named("c", "x", "a")],
      "JOB_FILE_INVALID",
      /a → b → c → a$/,
    ],
    [[named("a"), named("a"), named("b", "a")], "JOB_FILE_INVALID", /two jobs .* named a/],
    [[withModelOf("a", "b"), named("b", "a")], "JOB_FILE_INVALID", /a → b → a$/],
    [[named("b", "nobody")], "NOT_FOUND", /no job nobody/],
  ];
  for (const [specs, code, message] of refused) {
    const error = await failure(submit(...specs));
    t.equal(error.code, code);
    t.match(error.message, message);
  }
  t.equal(await world.store.jobs.lastPosition(), 0, "and nothing is left of them");
  const order = fc.array(fc.array(fc.nat({ max: 11 }), { maxLength: 3 }), { maxLength: 12 });
  fc.assert(
    fc.property(order, (rows) => {
      const specs = rows.map((row, at) => {
        const after = row.filter((one) => one < at).map((one) => `j-${one}`);
        return askedJob.parse(JSON.parse(Buffer.from(named(`j-${at}`, ...after)).toString()));
      });
      checkCycles(specs); // whoever only comes after earlier ones is in no cycle
    }),
  );
  const plain = jobSpec.parse({ version: "quipu.dev/v1", name: "a", task: { driver: "hash" } });
  t.equal(
    jobDigest(plain),
    "sha256:fec7d2065c4946c8d02e73b193d6d0aaf9cdfb5092fd747a2a8dfc021a35792f",
    "a job that comes after none has the digest that it always had",
  );
});

t.test(
  "each is placed when those before it have succeeded, and ends when one has not",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const host = new FakeHost(world);
    await host.attach();
    const [c = "", a = "", b = ""] = await world.submit(
      named("c", "a", "b"),
      named("a"),
      named("b", "a"),
    );
    const states = () => Promise.all([a, b, c].map((id) => world.state(id)));
    t.same(await states(), ["placed", "queued", "queued"]);
    const waiting = await jobMessage(world.coordinator.core, await world.job(c));
    t.same(waiting.waitsFor, [a, b]);
    const why = explain({
      outcome: { kind: "queued" },
      offers: [],
      reasons: waiting.reasons as never,
    });
    t.match(why, { rule: "graph.after", sentence: /Waiting: Job job-\w+ \(a\) is placed/ });
    await host.report(host.seal());
    t.same(await states(), ["succeeded", "placed", "queued"]);
    await world.start();
    await host.attach();
    await host.report(host.seal());
    t.same(await states(), ["succeeded", "succeeded", "placed"], "also over a restart");

    const [d = ""] = await world.submit(named("d", "c"));
    const [e = ""] = await world.submit(named("e", d));
    t.same((await world.job(d)).waitsFor, [c], "by name the newest, by id any");
    await host.report(host.seal("failed"));
    for (const id of [d, e]) {
      t.match(await world.job(id), { state: "cancelled", failure: { code: "DEPENDENCY_FAILED" } });
    }
    t.match((await world.job(e)).failure?.message, `job ${d} (d) is cancelled`);
    t.match(await failure(world.submit(named("f", c))), { code: "CONFLICT", message: /is failed/ });
    const [late = ""] = await world.submit(named("late", "a"));
    t.equal(await world.state(late), "placed", "what has succeeded is not waited for");
    const [g = "", h = ""] = await world.submit(named("g", late), named("h", "g"));
    await cancelJob(world.coordinator.core, g, "no");
    t.equal(await world.state(h), "cancelled", "whoever waits for a cancelled one");
  },
);

t.test("what another job makes becomes the model, by its digest, where it may go", async (t) => {
  const world = await CoordinatorWorld.open();
  const [sg, de] = [new FakeHost(world, "sg-1"), new FakeHost(world, "de-1", "DE")];
  await sg.attach();
  const made = named("train");
  const [train = "", use = "", none = ""] = await world.submit(
    made,
    withModelOf("use", "train"),
    withModelOf("other", "train", {
      task: { driver: "tensor", model: { job: "train", output: "none.onnx" }, inputs: {} },
    }),
  );
  const before = await world.job(use);
  t.match(askedOf(before).task, { model: { job: "train" } });
  await sg.report(sg.seal());
  t.match(await world.job(none), {
    state: "cancelled",
    failure: { code: "DEPENDENCY_FAILED", message: /no output none\.onnx; its outputs: manifest/ },
  });
  const [output] = result.outputs;
  t.match(await world.job(use), { state: "placed", host: "sg-1" });
  t.match(askedOf(await world.job(use)).task, { model: output.digest });
  t.match(sg.assign.inputs, [{ digest: output.digest, url: /^http:\/\/127\.0\.0\.1:8\// }]);
  await sg.report(sg.seal());
  t.match(await world.job(use), { state: "succeeded" }, "the receipt names what really ran");
  t.equal(train.startsWith("job-"), true);

  const other = new FakeHost(world, "sg-2");
  await other.attach();
  const [maker = ""] = await world.submit(job({ name: "maker", placement: { hosts: ["sg-1"] } }));
  await sg.report(sg.seal());
  sg.leave();
  const [taker = ""] = await world.submit(withModelOf("taker", maker));
  const away = await jobMessage(world.coordinator.core, await world.job(taker));
  t.match(away.reasons, [{ rule: "input.absent", text: /maker\) lies on sg-1, whose agent/ }]);
  await sg.attach();
  t.match(await world.job(taker), { state: "placed" }, "it is to be had again");
  const holder = [sg, other].find(
    ({ name }) => name === (other.all("assign").length > 0 ? "sg-2" : "sg-1"),
  );
  await holder?.report(holder.seal());
  other.leave();

  // Personal data of CL and SG: what is made of it stays there.
  await de.attach();
  const placement = { countries: ["DE"] };
  const [, abroad = ""] = await world.submit(
    job({ name: "private", dataSet: "people" }),
    withModelOf("abroad", "private", { placement }),
  );
  await sg.report(sg.seal());
  const refused = await world.job(abroad);
  t.match(refused, { state: "refused", epoch: 0 });
  const { reasons } = await jobMessage(world.coordinator.core, refused);
  t.match(
    reasons?.map(({ rule, named: [host] = [] }) => [rule, host]).sort(),
    [
      ["export.personal", "de-1"],
      ["placement.countries", "sg-1"],
    ],
    "by the rule of what may leave",
  );

  const plan = async (...specs: Uint8Array[]) => {
    const request = { specs, all: true } as never;
    const { plans = [] } = await planJobs(world.coordinator.core)(request, {} as never);
    return plans.map(({ outcome, refused = [], offers = [] }) => ({ outcome, refused, offers }));
  };
  const lawless = (plans: Awaited<ReturnType<typeof plan>>) =>
    plans.map(({ refused }) => refused.some(({ rule }) => rule === "export.personal"));
  const again = withModelOf("again", "private", { placement });
  const [said] = await plan(again);
  t.match(said, { outcome: JobState.REFUSED }, "a plan says what became of it");
  t.match(said?.refused.find(({ named: [host] = [] }) => host === "de-1")?.rule, "export.personal");
  t.same(lawless(await plan(withModelOf("free", "private"), named("private"))), [false, false]);
  const unmade = withModelOf("x", "nobody");
  t.same(lawless(await plan(unmade)), [false], "what is not made yet is none's");
  const [here] = await plan(withModelOf("here", "private"));
  t.match(here?.offers, [{ host: "sg-1", fetch: { siteBytes: 0n, farBytes: 0n } }]);
  sg.leave();
  const [gone] = await plan(withModelOf("gone", "private"));
  t.match(gone?.refused.find(({ named: [host] = [] }) => host === "sg-1")?.rule, "input.absent");
});
