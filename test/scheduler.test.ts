import fc from "fast-check";
import t from "tap";
import { canonicalJson } from "../src/base/canonical-json.js";
import type { Decision } from "../src/model/decision.js";
import type { HostView } from "../src/model/host.js";
import type { JobSpec } from "../src/model/job.js";
import { explain } from "../src/scheduler/placement/explain.js";
import { loadPolicy } from "../src/scheduler/policy/engine.js";
import type { Verdict } from "../src/scheduler/policy/verdict.js";
import {
  type AnyCase,
  anyCase,
  anyHost,
  ask,
  at,
  base,
  baseText,
  cl,
  cpu,
  dataSet,
  de,
  gpu,
  holding,
  host,
  job,
  jobOf,
  onnx,
  place,
  sg,
} from "./scheduler-world.js";

t.test("placed, queued, refused; private before public; each host once", async (t) => {
  const personal = dataSet("personal", ["SG", "CL"]);
  const spec = job({ dataSet: "digits" });
  const placed = ask(spec, [de, sg, cl], personal);
  t.match(placed.outcome, { kind: "placed", host: "cl-1", device: "cpu" });
  t.same(
    placed.offers.map(({ host, parts, rules }) => ({ host, parts, rules })),
    ["cl-1", "sg-1"].map((name) => ({
      host: name,
      parts: { device: 200, idle: 100 },
      rules: ["base.run", "base.read"],
    })),
  );
  t.same(
    placed.reasons.map(({ named, rule, hosts }) => [named, rule, hosts]),
    [[["de-1"], "residency.personal", 1]],
  );
  t.match(
    explain(placed).sentence,
    /^Placed on cl-1 \(CL, private\), device cpu: it scores best of 2/,
  );

  const busy = { load: holding("cpu") };
  const full = [{ ...sg, ...busy }, { ...cl, ...busy }, de];
  const queued = ask(spec, full, personal);
  t.same(queued.outcome, { kind: "queued" });
  t.same(explain(queued), {
    sentence: "Waiting for cl-1, sg-1: Every fitting device is busy: cpu.",
    change: "It waits until a run on one of them ends.",
    rule: "device.busy",
  });

  const burst = ask(job(), full);
  t.match(burst.outcome, { kind: "placed", host: "de-1", device: "cpu" });
  t.equal(burst.offers[0]?.parts.burst, -1000);
  t.match(explain(burst).sentence, /no lawful private host has room, so it bursts/);
  t.equal(ask(job(), [sg, de]).offers[0]?.host, "sg-1", "no burst while a private host has room");

  const refused = ask(spec, [de], personal);
  t.same(refused.outcome, { kind: "refused" });
  t.match(explain(refused), {
    rule: "residency.personal",
    sentence: /^Refused by residency\.personal on de-1: Personal data may/,
  });
  const away = { ...sg, attached: false, devices: [] };
  t.equal(ask(spec, [away, de], personal).outcome.kind, "queued", "a lawful host may come back");
  const only = job({ dataSet: "digits", placement: { countries: ["DE"] } });
  const decision = ask(only, [sg, cl, de], personal);
  t.equal(decision.outcome.kind, "refused");
  t.equal(explain(decision).rule, "residency.personal", "law is named before the job's own wish");
  const empty = ask(spec, [], personal);
  t.same(empty.outcome, { kind: "queued" });
  t.match(empty.reasons, [{ hosts: 0, named: [], rule: "fleet.empty" }]);
  t.match(explain(empty).sentence, /no host has joined/);
  t.throws(() => ask(job(), [sg, sg]), { code: "CONFLICT" });
});

t.test("each filter names itself; devices are chosen to fit", async (t) => {
  const two = { devices: [cpu, gpu] };
  const rules: [Record<string, unknown>, Partial<HostView>, string][] = [
    [{ placement: { hosts: ["de-1"] } }, {}, "placement.hosts"],
    [{ placement: { countries: ["DE"] } }, {}, "placement.countries"],
    [{ placement: { countries: [] } }, {}, "placement.countries"],
    [{ placement: { sites: ["public"] } }, {}, "placement.sites"],
    [{ dataSet: "digits" }, { dataSets: [] }, "data.absent"],
    [{}, { attached: false }, "host.detached"],
    [{}, { cordoned: true }, "host.cordoned"],
    [{ resources: { device: "cuda" } }, {}, "device.kind"],
    [{}, { devices: [] }, "device.kind"],
    [{ task: { ...onnx, backend: "avx512" } }, two, "device.backend"],
    [{ resources: { memoryBytes: 2 ** 35 } }, {}, "device.memory"],
    [{ resources: { device: "cpu", memoryBytes: 2 ** 35 } }, two, "device.memory"],
    [{ resources: { device: "cuda" } }, { ...two, load: holding("cuda:0") }, "device.busy"],
  ];
  for (const [parts, view, rule] of rules) {
    const spec = job(parts);
    const data = spec.dataSet === undefined ? undefined : dataSet("public", []);
    const decision = ask(spec, [{ ...sg, ...view }], data);
    t.same(
      decision.reasons.map((reason) => reason.rule),
      [rule],
    );
    t.ok(decision.reasons[0]?.text && explain(decision).change, `${rule} is explained`);
    const binding = rule.startsWith("placement.");
    t.equal(decision.outcome.kind, binding ? "refused" : "queued", `${rule}: outcome`);
  }
  const device = (parts: Record<string, unknown>, view: Partial<HostView>) =>
    ask(job(parts), [{ ...sg, ...view }]).offers[0]?.device;
  const small = { ...gpu, id: "cuda:10", memoryBytes: 2 ** 36 };
  t.equal(device({}, two), "cpu", "hashing takes the CPU");
  t.equal(device({ task: onnx }, two), "cuda:0", "tensor work takes the GPU");
  t.equal(device({ task: onnx }, { ...two, load: holding("cuda:0") }), "cpu");
  t.equal(device({ task: onnx }, { devices: [gpu, small, cpu] }), "cuda:10", "smallest that fits");
  t.equal(device({ task: { ...onnx, backend: "portable" } }, two), "cpu");
  const same = [
    { ...gpu, id: "cuda:10" },
    { ...gpu, id: "cuda:2" },
  ];
  t.equal(device({ task: onnx }, { devices: same }), "cuda:2", "numbers, not text");
});

function isHeld({ load }: HostView, id: string): boolean {
  return load.some(({ device }) => device === id);
}

/** Throws what is wrong with a decision about one random case, whatever it decided. */
function checkDecision({ fleet, data }: AnyCase, spec: JobSpec, decision: Decision): void {
  const { offers, reasons, outcome } = decision;
  for (const { host: name, device } of offers) {
    const view = fleet.find((each) => each.name === name);
    if (view === undefined) throw new Error(`${name} is not in the fleet`);
    if (!base.runOn({ job: spec, dataSet: data, host: view, at }).allowed) {
      throw new Error(`${name} was offered against the law`);
    }
    const { countries, sites, hosts } = spec.placement;
    const wished =
      (countries?.includes(view.place.country) ?? true) &&
      (sites?.includes(view.place.site) ?? true) &&
      (hosts?.includes(name) ?? true);
    const holds = data === undefined || view.dataSets.includes(data.name);
    if (!wished || !holds || !view.attached || view.cordoned || isHeld(view, device)) {
      throw new Error(`${name} does not fit`);
    }
  }
  const told = [...offers, ...reasons].reduce((sum, row) => sum + row.hosts, 0);
  if (told !== fleet.length) throw new Error("each host once");
  for (const { rule, text } of reasons) {
    if (!rule || rule === "law" || !text) throw new Error("a refusal names rule and text");
  }
  const placed = outcome.kind === "placed";
  if (placed !== offers.length > 0) throw new Error("placed where something is offered");
  const { sentence, change } = explain(decision);
  if (!sentence || placed !== (change === "")) throw new Error("every outcome is explained");
  const privateRoom = offers.some(({ place: { site } }) => site === "private");
  if (privateRoom && offers[0]?.place.site !== "private") throw new Error("private before public");
}

t.test("properties over random fleets", async (t) => {
  const seen = { placed: 0, queued: 0, refused: 0 };
  fc.assert(
    fc.property(anyCase, anyHost("extra"), fc.nat(), (one, extra, turn) => {
      const { fleet, data } = one;
      const spec = jobOf(one);
      const decision = ask(spec, fleet, data);
      const { kind } = decision.outcome;
      seen[kind] += 1;
      checkDecision(one, spec, decision);

      const cut = fleet.length === 0 ? 0 : turn % fleet.length;
      const turned = [...fleet.slice(cut), ...fleet.slice(0, cut)].reverse();
      if (canonicalJson(ask(spec, turned, data)) !== canonicalJson(decision)) {
        throw new Error("the order of hosts matters");
      }
      const grown = ask(spec, [...fleet, extra], data).outcome.kind;
      if (kind === "placed" && grown !== "placed") throw new Error("a host took a place away");
      if (kind === "queued" && fleet.length > 0 && grown === "refused") {
        throw new Error("a host more made it unlawful");
      }
    }),
    { numRuns: 400 },
  );
  t.ok(seen.placed > 20 && seen.queued > 20 && seen.refused > 20, JSON.stringify(seen));
});

t.test("whatever the scores, a forbid keeps a host out", async (t) => {
  const none = {
    digest: base.digest,
    namesJobs: false,
    namesHosts: false,
    holdsUntilMs: () => Number.POSITIVE_INFINITY,
    runOn: (): Verdict => ({ allowed: false, rule: "x.none", text: "Nowhere." }),
  };
  fc.assert(
    fc.property(anyCase, (one) => {
      const decision = ask(jobOf(one), one.fleet, one.data, none);
      return decision.offers.length === 0 && decision.outcome.kind !== "placed";
    }),
  );
  t.equal(ask(job(), [sg], undefined, none).outcome.kind, "refused");
});

t.test("a large set and a large fleet stay small work: equal places are asked once", async (t) => {
  const filler = Array.from(
    { length: 200 },
    (_, i) => `@id("f.r${i}") @says("filler")
      forbid (principal, action == Action::"run_on", resource)
      when { principal.purpose == "p${i}" && resource.country == "CL" };`,
  ).join("\n");
  const large = loadPolicy({ "base.cedar": baseText, "filler.cedar": filler });
  t.equal(large.rules.size, base.rules.size + 200);
  const fleet = Array.from({ length: 5000 }, (_, i) =>
    host(`h-${i}`, place(i % 2 ? "SG" : "CL", "private")),
  );
  const decision = ask(job({ purpose: "p7" }), fleet, undefined, large);
  t.match(decision.offers, [{ host: "h-1", hosts: 2500 }]);
  t.match(decision.reasons, [
    { rule: "f.r7", hosts: 2500, named: ["h-0", "h-10", "h-100", "h-1000"] },
  ]);
  t.match(explain(decision).sentence, /^Placed on h-1 .* scores best of 2500 lawful hosts/);
  const unlawful = ask(
    job({ purpose: "p7", placement: { sites: ["private"] } }),
    fleet.slice(0, 1),
    undefined,
    large,
  );
  t.match(explain(unlawful).sentence, /^Refused by f\.r7 on h-0: filler/);
});
