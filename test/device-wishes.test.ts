/** What a job may ask of a device: a capability, a slice, health, the version of its driver. */
import { create } from "@bufbuild/protobuf";
import t from "tap";
import { DeviceHealth, InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import type { Device } from "../src/model/host.js";
import { type JobSpec, jobSpec } from "../src/model/job.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { explain } from "../src/scheduler/placement/explain.js";
import { CoordinatorWorld, FakeHost, job as wireJob } from "./coordinator-world.js";
import { ask, gpus, inventory, wish } from "./device-jobs.js";
import { at, base, gpu, host, job, sg } from "./scheduler-world.js";

t.test("capability, slices and health of devices: what is not told meets no wish", (t) => {
  const rule = (resources: Partial<JobSpec["resources"]>, ...parts: Partial<Device>[]) => {
    const devices = parts.map((part, i) => ({ ...gpu, id: `cuda:${i}`, ...part }));
    const decision = ask(wish({ device: "cuda", ...resources }), [
      host("sg-1", sg.place, { devices }),
    ]);
    const { outcome, reasons } = decision;
    return outcome.kind === "placed" ? outcome.device : `${reasons[0]?.rule} ${reasons[0]?.text}`;
  };
  const least = { computeCapabilityMin: "9.0" };
  t.equal(
    rule(least, {}, { computeCapability: "8.9" }),
    "device.capability The job needs compute capability 9.0; here is 8.9 and none that is known.",
  );
  t.equal(rule(least, { computeCapability: "8.9" }, { computeCapability: "12.0" }), "cuda:1");
  t.equal(rule(least, { computeCapability: "9.0" }), "cuda:0");
  const part = { slice: "1g.10gb" };
  t.equal(
    rule({}, part),
    "device.slice The job needs whole devices; this host has 1g.10gb.",
    "nobody gets a part who does not ask for it",
  );
  t.equal(rule(part, {}, { slice: "2g.20gb" }, part), "cuda:2");
  t.equal(
    rule(part, {}, { slice: "2g.20gb" }),
    "device.slice The job needs a slice 1g.10gb; this host has 2g.20gb and whole devices.",
  );
  for (const health of ["suspect", "quarantined", "repair", "unknown"] as const) {
    t.equal(
      rule({}, { health }),
      `device.health No fitting device is healthy: cuda:0 (${health}).`,
    );
  }
  t.equal(rule({}, { health: "suspect" }, {}), "cuda:1");
  t.match(rule({ devices: 2 }, { health: "suspect" }, {}), /^device\.health .* healthy here are 1/);
  const sick = host("sg-1", sg.place, { devices: [{ ...gpu, health: "repair" }] });
  t.notOk(new Board([sick]).hasRoom());
  const asked = { job: wish({ device: "cuda" }), dataSet: undefined, at };
  const asks = new Asks(new Board([sick])).ask(base, asked, undefined);
  t.equal(asks.most(2, 2), 1, "a gang is not refused because a device is being repaired");
  const parsed = jobSpec.safeParse({ ...job(), resources: { computeCapabilityMin: 9 } });
  t.match(parsed.error?.issues[0]?.message, /in quotes/);
  t.notOk(jobSpec.safeParse({ ...job(), resources: { slice: "half" } }).success);
  t.end();
});

t.test(
  "a GPU's driver is compared number by number, and one that is not told is none",
  async (t) => {
    const least = { driverMin: "535.104" };
    const verdict = (driverVersion: string | undefined, driverMin = "535.104") => {
      const devices = [{ ...gpu, ...(driverVersion === undefined ? {} : { driverVersion }) }];
      const [reason] = ask(wish({ device: "cuda", driverMin }), [
        host("sg-1", sg.place, { devices }),
      ]).reasons;
      return reason === undefined ? "fits" : `${reason.rule} ${reason.text}`;
    };
    for (const [has, wants] of [
      ["535.104", "535.104"],
      ["535.104.05", "535.104"],
      ["535.104", "535.104.0"],
      ["535.104.05", "535.104.5"],
      ["1000.1", "535.104"],
      ["535.230", "535.54.03"],
      ["570.133.20", "570"],
    ] as const) {
      t.equal(verdict(has, wants), "fits", `${has} is as new as ${wants}`);
    }
    for (const [has, wants] of [
      ["535.54.03", "535.104"],
      ["99.9", "535"],
      ["535.104.05", "535.104.12"],
      ["535", "535.0.1"],
    ] as const) {
      t.equal(
        verdict(has, wants),
        `device.driver The job needs GPU driver ${wants} or newer; here is ${has}.`,
      );
    }
    t.match(verdict(undefined), /^device\.driver .*; here is none that is known\.$/);
    const any = ask(wish(least), [host("sg-1", sg.place)]);
    t.match(any.reasons, [{ rule: "device.driver" }], "a processor has no such driver");
    t.equal(
      explain(any).change,
      "It waits until the driver of a lawful host is brought up to date, or the job asks for an older one.",
    );
    const mixed = gpus(2).map((one, i) => ({
      ...one,
      driverVersion: ["535.54", "550.1"][i] ?? "",
    }));
    t.match(
      ask(wish({ devices: 2, ...least }), [host("sg-1", sg.place, { devices: mixed })]).reasons,
      [{ text: "The job needs 2 devices of one host; driver 535.104 or newer have 1." }],
    );
    const parsed = (driverMin: unknown) =>
      jobSpec.safeParse({ ...job(), resources: { driverMin } }).error?.issues[0]?.message;
    t.match(parsed(535.1), /must be in quotes, for example "535\.104"/);
    t.match(parsed(535), /in quotes/);
    for (const wrong of ["", "535.", ".5", "v535", "535.104.05.1", "535,104", "9".repeat(6)]) {
      t.match(parsed(wrong), /must be a version/, wrong);
    }
    t.equal(parsed("535.104.05"), undefined);

    const world = await CoordinatorWorld.open();
    const one = new FakeHost(world);
    const says = (driverVersion: string) => ({ inventory: { ...inventory(1), driverVersion } });
    await one.attach([], says(""));
    const id = await world.one(wireJob({ resources: { device: "cuda", ...least } }));
    t.equal((await world.job(id)).waits?.intervals.at(-1)?.rule, "device.driver");
    await one.attach([], says("newest"));
    t.same(one.all("refused"), [], "what reads like no version is as good as none");
    t.equal(await world.state(id), "queued");
    await one.attach([], says("535.104.05"));
    t.equal(await world.state(id), "placed");
    t.same(
      world.coordinator.core.hosts.get("sg-1")?.devices.map((device) => device.driverVersion),
      [undefined, "535.104.05"],
    );
    await world.store.close();
  },
);

t.test("a device that falls ill takes no new run, and what runs on it goes on", async (t) => {
  const world = await CoordinatorWorld.open();
  const one = new FakeHost(world);
  const cpuIs = (parts: object) => ({
    inventory: create(InventorySchema, {
      devices: [
        {
          id: "cpu",
          model: "x86",
          memoryBytes: 2n ** 33n,
          backends: ["portable"],
          slots: 8,
          ...parts,
        },
      ],
    }),
  });
  await one.attach([], cpuIs({ health: DeviceHealth.HEALTHY }));
  const first = await world.one(wireJob());
  await one.running();
  const held = one.assign;
  await one.attach([held], cpuIs({ health: DeviceHealth.QUARANTINED }));
  t.same(one.all("cancel"), [], "it is not stopped");
  t.equal(await world.state(first), "running");
  const second = await world.one(wireJob({ name: "second" }));
  t.equal((await world.job(second)).waits?.intervals.at(-1)?.rule, "device.health");
  await one.report(one.seal("succeeded", held));
  t.same([await world.state(first), await world.state(second)], ["succeeded", "queued"]);
  await one.attach([], cpuIs({ health: 99 as DeviceHealth }));
  t.equal(await world.state(second), "queued", "a grade of a later version is not health");
  await one.attach([], cpuIs({ health: DeviceHealth.HEALTHY }));
  t.equal(await world.state(second), "placed");
  await one.attach([], cpuIs({ slice: "half" }));
  t.match(one.all("refused"), [{ code: "INVALID_ARGUMENT" }]);
  await world.store.close();
});
