/** Gangs: all members or none, from admission over placement, loss and cancel to their end. */
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import t from "tap";
import { parseAssignment } from "../src/agent/assignment.js";
import { planJobs } from "../src/coordinator/api/plan-jobs.js";
import { GangHold, holdMs } from "../src/coordinator/gang/gang-hold.js";
import { gangStep } from "../src/coordinator/gang/gangs.js";
import { submitJobs } from "../src/coordinator/job/admission.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { askedOf, specOf } from "../src/coordinator/job/specs.js";
import { decisionOf, jobMessage } from "../src/coordinator/wire.js";
import { PlanJobsRequestSchema } from "../src/gen/quipu/v1/jobs_pb.js";
import type { JobRecord } from "../src/io/store/records.js";
import { wholeOf } from "../src/model/gang.js";
import { loaded } from "../src/model/host.js";
import { jobBytes, jobDigest, jobSpec, jobStates } from "../src/model/job.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { seatGang } from "../src/scheduler/placement/gang.js";
import { replay } from "../src/scheduler/placement/replay.js";
import { CoordinatorWorld, FakeHost, job, settle } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { anyCase, at, base, jobOf } from "./scheduler-world.js";

t.setTimeout(60_000);

const gangJob = (size: number, parts: Record<string, unknown> = {}) =>
  job({ name: "train", gang: { size, ...parts } });

/** Hosts with one place each. */
async function hostsOf(world: CoordinatorWorld, ...names: string[]): Promise<FakeHost[]> {
  const hosts = names.map((name) => new FakeHost(world, name));
  for (const host of hosts) await host.attach();
  return hosts;
}

function statesOf(world: CoordinatorWorld, ids: readonly string[]): Promise<string[]> {
  return Promise.all(ids.map((id) => world.state(id)));
}

async function reasonsOf(world: CoordinatorWorld, id = "") {
  return (await jobMessage(world.coordinator.core, await world.job(id))).reasons ?? [];
}

t.test("one job of a submission becomes its members, once for each key", async (t) => {
  const world = await CoordinatorWorld.open();
  const { core } = world.coordinator;
  const jobs = await submitJobs(core, "key", [job({ name: "first" }), gangJob(3)]);
  t.same(
    jobs.map(({ name, gangId }) => [name, gangId]),
    [
      ["first", undefined],
      ["train-0", jobs[1]?.id],
      ["train-1", jobs[1]?.id],
      ["train-2", jobs[1]?.id],
    ],
  );
  const ranks = jobs.map((record) => askedOf(record).gang?.rank);
  t.same(ranks, [undefined, 0, 1, 2]);
  const again = await submitJobs(core, "key", [job({ name: "first" }), gangJob(3)]);
  t.same(
    again.map(({ id }) => id),
    jobs.map(({ id }) => id),
  );
  const told = await jobMessage(core, jobs[2] as JobRecord);
  t.match(told, { gangId: jobs[1]?.id, gangRank: 1, gangSize: 3 });
  const whole = wholeOf(askedOf(jobs[2] as JobRecord));
  t.same(jobBytes(whole), gangJob(3), "a member is run again with its gang");
  const refused: [Uint8Array, string, RegExp][] = [
    [gangJob(2, { rank: 1 }), "JOB_FILE_INVALID", /gang.rank/],
    [
      job({ name: "n".repeat(62), gang: { size: 2 } }),
      "JOB_FILE_INVALID",
      /name: n+-0 of the gang/,
    ],
  ];
  for (const [spec, code, message] of refused) {
    const error = await failure(submitJobs(core, "other", [spec]));
    t.match([error.code, error.message], [code, message]);
  }
  const many = Array.from({ length: 5 }, () => gangJob(64));
  t.equal((await failure(submitJobs(core, "many", many))).code, "LIMIT_EXCEEDED");
  for (const size of [0, 1, 65, 2.5]) {
    t.throws(() => gangJob(size), `a gang of ${size} is none`);
  }
});

t.test("all are placed at once, or none; a gang too large for the fleet is told so", async (t) => {
  const world = await CoordinatorWorld.open();
  const [a, b] = await hostsOf(world, "sg-1", "sg-2");
  const blocker = await world.one(job({ name: "blocker" }));
  const gang = await world.submit(gangJob(2));
  t.same(await statesOf(world, gang), ["queued", "queued"], "one place is none");
  for (const id of gang) {
    t.match(await reasonsOf(world, id), [
      { rule: "gang.room", text: /room for 1 of the gang's 2 members; device.busy keeps/ },
    ]);
  }
  const tooLarge = await world.submit(gangJob(3));
  t.same(await statesOf(world, tooLarge), ["refused", "refused", "refused"]);
  t.match(await reasonsOf(world, tooLarge[1]), [
    { rule: "gang.never-fits", text: /at most 2 of the gang's 3 members/ },
  ]);
  const late = await world.one(job({ name: "late" }));
  t.equal(await world.state(late), "queued", "what the gang holds is nobody's");
  const [busy, idle] = (await world.job(blocker)).host === "sg-1" ? [a, b] : [b, a];
  t.equal(idle?.all("assign").length, 0);
  await busy?.report(busy.seal());
  t.same(await statesOf(world, gang), ["placed", "placed"]);
  t.equal(await world.state(late), "queued");
  for (const [host, rank] of [a, b].map(
    (host) => [host, parseAssignment((host as FakeHost).assign).gang?.rank] as const,
  )) {
    const seat = parseAssignment((host as FakeHost).assign).gang;
    t.match(seat, { rank, size: 2 });
    t.same(
      seat?.members.map(({ rank, jobId }) => [rank, jobId]),
      gang.map((id, at) => [at, id]),
    );
    t.same(new Set(seat?.members.map(({ host }) => host)), new Set(["sg-1", "sg-2"]));
    t.ok(seat?.members.every(({ httpUrl }) => httpUrl === "http://127.0.0.1:8"));
  }
  for (const id of gang) {
    const record = await world.job(id);
    const kept = await world.store.decisions.get(record.decisionId);
    const decision = decisionOf(kept?.content ?? new Uint8Array());
    if (decision === undefined) throw new Error("no decision");
    const asked = { job: specOf(record), jobDigest: record.specDigest, dataSet: undefined };
    const read = (digest: string) => world.store.papers.get(digest as never);
    t.same(await replay(decision, asked, read), decision, "made again from its record");
  }
  for (const host of [a, b]) await host?.report(host.seal());
  t.same(await statesOf(world, gang), ["succeeded", "succeeded"]);
  t.equal(await world.state(late), "placed");
  t.same(world.troubles, []);
});

t.test("members on different hosts; the plan says where, and takes nothing", async (t) => {
  const world = await CoordinatorWorld.open();
  const wide = new FakeHost(world, "sg-1");
  const devices = [
    { id: "cpu", model: "x86", memoryBytes: 2n ** 33n, backends: ["portable"], slots: 4 },
  ];
  await wide.attach([], { inventory: { devices } });
  const spread = gangJob(2, { spread: "hosts" });
  const plan = async (spec: Uint8Array) => {
    const request = create(PlanJobsRequestSchema, { specs: [spec] });
    const call = { signal: new AbortController().signal, peer: "unix" };
    return (await planJobs(world.coordinator.core)(request, call)).plans?.[0];
  };
  t.match(await plan(spread), { seats: [], reasons: [{ rule: "gang.never-fits" }] });
  t.match(await plan(gangJob(4)), {
    seats: [1, 2, 3, 4].map(() => ({ host: "sg-1", country: "SG", device: "cpu" })),
  });
  const [narrow] = await hostsOf(world, "sg-2");
  const hosts = (await plan(spread))?.seats?.map(({ host }) => host);
  t.same(new Set(hosts), new Set(["sg-1", "sg-2"]));
  const gang = await world.submit(spread);
  t.same(await statesOf(world, gang), ["placed", "placed"]);
  t.equal(narrow?.all("assign").length, 1);
  t.match(await plan(spread), { seats: [], reasons: [{ rule: "gang.room" }] });
});

t.test("one is lost: the others stop, at no cost, and all are placed anew", async (t) => {
  const world = await CoordinatorWorld.open();
  const [a, b] = (await hostsOf(world, "sg-1", "sg-2")) as [FakeHost, FakeHost];
  const gang = await world.submit(gangJob(2));
  for (const host of [a, b]) await host.running();
  const before = [a.assign, b.assign];
  await a.lost();
  await settle();
  t.equal(b.all("cancel").length, 1, "the other is told to stop");
  const states = await statesOf(world, gang);
  t.same(states.sort(), ["queued", "running"]);
  await b.report(b.seal("succeeded", before[1]));
  t.equal(b.ack?.accepted, false, "what it did by itself counts no more");
  await settle();
  t.same(await statesOf(world, gang), ["placed", "placed"]);
  const records = await Promise.all(gang.map((id) => world.job(id)));
  t.same(
    records.map(({ epoch }) => epoch),
    [2, 2],
  );
  t.same(records.map(({ attemptsMax }) => attemptsMax).sort(), [3, 4]);
  await b.lost();
  await settle();
  await a.report(a.seal("cancelled"));
  await settle();
  t.same(
    (await Promise.all(gang.map((id) => world.job(id)))).map(({ epoch }) => epoch),
    [3, 3],
  );
  t.same(world.troubles, []);
});

t.test("a coordinator that falls before it could stop the others does so later", async (t) => {
  const world = await CoordinatorWorld.open();
  const [a, b] = (await hostsOf(world, "sg-1", "sg-2")) as [FakeHost, FakeHost];
  const gang = await world.submit(gangJob(2));
  for (const host of [a, b]) await host.running();
  const { core } = world.coordinator;
  const held = b.assign;
  core.gangs.look = () => undefined; // it dies at that moment
  await a.lost();
  t.equal(b.all("cancel").length, 0);
  await world.start();
  await settle();
  await b.attach([held]);
  await settle();
  t.equal(b.all("cancel").length, 1);
  await b.report(b.seal("cancelled", held));
  await a.attach();
  await settle();
  t.same(await statesOf(world, gang), ["placed", "placed"]);
});

t.test("a member's own fault, or a cancel of one, ends all", async (t) => {
  const world = await CoordinatorWorld.open();
  const [a, b] = (await hostsOf(world, "sg-1", "sg-2")) as [FakeHost, FakeHost];
  const gang = await world.submit(gangJob(2));
  await a.report(a.seal("failed"));
  await settle();
  await b.report(b.seal("cancelled"));
  const [failed, other] = await Promise.all(
    [a, b].map(async (host) => world.job(host.all("assign")[0]?.jobId ?? "")),
  );
  t.match(failed, { state: "failed", failure: { code: "DATA_INVALID" } });
  t.match(other, { state: "cancelled", failure: { code: "GANG_FAILED", message: /is failed/ } });
  t.same(new Set(gang), new Set([failed?.id, other?.id]));

  const waiting = await world.submit(job({ name: "one" }), job({ name: "two" }), gangJob(2));
  const [x = "", y = ""] = waiting.slice(2);
  await cancelJob(world.coordinator.core, y, "enough");
  await settle();
  t.match(await world.job(x), { state: "cancelled", cancelReason: /is cancelled: enough/ });
  t.equal((await world.job(x)).failure, undefined);
  t.equal(await world.state(waiting[0] ?? ""), "placed", "others are not touched");
});

t.test(
  "a member out of attempts ends all; one cancelled in mid-decision lets none run",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const { core } = world.coordinator;
    const [a, b] = (await hostsOf(world, "sg-1", "sg-2")) as [FakeHost, FakeHost];
    await world.submit(job({ name: "train", gang: { size: 2 }, attemptsMax: 1 }));
    const [lost, other] = [a.assign.jobId, b.assign.jobId];
    await a.lost();
    await settle();
    await b.report(b.seal("cancelled"));
    t.match(await world.job(lost), { state: "lost", failure: { code: "WORKER_DIED" } });
    t.match(await world.job(other), { state: "cancelled", failure: { code: "GANG_FAILED" } });

    const question = core.fleet.question.bind(core.fleet);
    core.fleet.question = async (spec) => {
      core.fleet.question = question;
      const [, second] = await world.store.jobs.list(2, Number.MAX_SAFE_INTEGER);
      await cancelJob(core, second?.id ?? "", "meanwhile");
      return await question(spec);
    };
    const gang = await world.submit(gangJob(2));
    await settle();
    for (const id of gang) {
      t.match(await world.job(id), { state: "cancelled", epoch: 0 }, "no run was granted");
    }
    t.equal(await world.state(await world.one()), "placed", "and nothing is held");
    t.same(world.troubles, []);
  },
);

t.test("a gang waits for jobs before it, and holds what it found for a bounded time", async (t) => {
  const world = await CoordinatorWorld.open();
  const [a, b] = (await hostsOf(world, "sg-1", "sg-2")) as [FakeHost, FakeHost];
  const first = await world.one(job({ name: "first" }));
  const gang = await world.submit(job({ name: "train", gang: { size: 2 }, after: [first] }));
  const host = (await world.job(first)).host === "sg-1" ? a : b;
  const other = host === a ? b : a;
  t.match(await reasonsOf(world, gang[1]), [{ rule: "graph.after" }]);
  const blocker = await world.one(job({ name: "blocker" }));
  t.equal(await world.state(blocker), "placed");
  await host.report(host.seal());
  await settle();
  t.match(await reasonsOf(world, gang[0]), [{ rule: "gang.room" }]);
  const late = await world.one(job({ name: "late" }));
  t.equal(await world.state(late), "queued", "it holds the device");
  for (let ms = 0; ms <= holdMs; ms += 5_000) {
    await other.beat(other.assign);
    await host.beat();
    await world.advance(5_000);
  }
  t.equal(await world.state(late), "placed", "and gives it back in time");
  t.same(await statesOf(world, gang), ["queued", "queued"]);
});

t.test("one holds at a time, for a bounded time, and then rests", (t) => {
  const hold = new GangHold();
  t.ok(hold.take("a", 0));
  t.ok(hold.take("a", holdMs - 1));
  t.notOk(hold.take("b", 1), "no second one");
  t.notOk(hold.isOver(holdMs - 1));
  t.ok(hold.isOver(holdMs));
  t.notOk(hold.isOver(holdMs), "once");
  t.notOk(hold.take("a", holdMs), "it rests");
  t.ok(hold.take("b", holdMs));
  t.ok(hold.drop("b"));
  t.ok(hold.take("a", 2 * holdMs));
  t.end();
});

t.test(
  "for any fleet: all lawful, each free and none twice, or too few and then no more than most",
  async () => {
    const anyGang = fc.record({
      size: fc.integer({ min: 2, max: 6 }),
      spread: fc.constantFrom(undefined, "hosts" as const),
    });
    await fc.assert(
      fc.asyncProperty(anyCase, anyGang, async (one, { size, spread }) => {
        const gang = { size, ...(spread === undefined ? {} : { spread }) };
        const board = new Board(one.fleet);
        const asks = new Asks(board);
        const dataSet = one.data;
        const questions = Array.from({ length: size }, (_, rank) => {
          const spec = jobSpec.parse({ ...jobOf(one), name: `g-${rank}`, gang: { ...gang, rank } });
          return {
            id: `dec-${rank}`,
            at,
            policy: base,
            dataSet,
            job: spec,
            jobDigest: jobDigest(spec),
          };
        });
        const judge = (rank: number, bounds: object) =>
          decide(asks, { ...(questions[rank] as (typeof questions)[number]), bounds });
        const { seated, taken, left } = seatGang(gang, judge, ({ host, ...load }) => {
          board.take(host, load);
        });
        if (taken.length !== seated.length) return false;
        if ((left === undefined) !== (taken.length === size)) return false;
        const ask = asks.ask(base, { job: questions[0]?.job as never, dataSet, at }, undefined);
        const most = ask.most(size, spread === undefined ? size : 1);
        if (most < taken.length) return false;
        const perHost = new Map(
          taken.map(({ host }) => [host, taken.filter((x) => x.host === host)]),
        );
        for (const [name, loads] of perHost) {
          if (spread === "hosts" && loads.length > 1) return false;
          const view = one.fleet.find((host) => host.name === name);
          if (!view?.attached || view.cordoned) return false;
          if (!base.runOn({ job: questions[0]?.job as never, dataSet, at, host: view }).allowed)
            return false;
          const load = loads.reduce(loaded, view.load as never[]);
          const isOver = ({ device, slots }: { device: string; slots: number }) =>
            slots > (view.devices.find(({ id }) => id === device)?.slots ?? 0);
          if (loads.some(({ device }) => load.some((row) => row.device === device && isOver(row))))
            return false;
        }
        return true;
      }),
      { numRuns: 300 },
    );
  },
);

t.test("for any members: whatever is to be done ends in a gang that is of one mind", (t) => {
  const anyMember = fc.record({
    state: fc.constantFrom(...jobStates),
    cancelReason: fc.constantFrom(undefined, undefined, "enough"),
  });
  fc.assert(
    fc.property(fc.array(anyMember, { minLength: 2, maxLength: 5 }), (rows) => {
      const members = rows.map(({ state, cancelReason }, rank) => {
        const cancel = cancelReason === undefined ? {} : { cancelReason };
        return { id: `job-${rank}`, name: `g-${rank}`, state, ...cancel } as JobRecord;
      });
      const step = gangStep(members);
      if (step.kind === "stop") {
        return step.jobs.every(({ state }) => state === "placed" || state === "running");
      }
      if (step.kind === "end") {
        const ended = members.map((member) =>
          step.jobs.includes(member) ? { ...member, cancelReason: "x" } : member,
        );
        return gangStep(ended).kind === "rest";
      }
      const open = members.filter(
        ({ state, cancelReason }) =>
          ["queued", "placed", "running"].includes(state) && cancelReason === undefined,
      );
      const isWaiting = open.filter(({ state }) => state === "queued").length;
      return isWaiting === 0 || isWaiting === members.length;
    }),
  );
  t.end();
});
