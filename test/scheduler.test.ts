import { readFileSync } from "node:fs";
import fc from "fast-check";
import t from "tap";
import type { Digest } from "../src/base/bytes.js";
import { canonicalJson } from "../src/base/canonical-json.js";
import { QuipuError } from "../src/base/errors.js";
import { type DataClass, type DataSet, dataClasses } from "../src/model/data-set.js";
import type { HostView } from "../src/model/host.js";
import { type JobSpec, jobDigest, jobSpec } from "../src/model/job.js";
import { type Place, placeGrades, sites } from "../src/model/place.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { explain } from "../src/scheduler/placement/explain.js";
import { loadPolicy, type PolicyEngine } from "../src/scheduler/policy/engine.js";
import type { Verdict } from "../src/scheduler/policy/verdict.js";

const baseText = readFileSync("deploy/policy/base.cedar", "utf8");
const base = loadPolicy({ "base.cedar": baseText });
const at = "2026-01-02T03:04:05Z";

const digits = `sha256:${"a".repeat(64)}` as Digest;

function dataSet(dataClass: DataClass, countries: string[], name = "digits"): DataSet {
  const files = { manifestDigest: digits, merkleRoot: "b".repeat(64), sizeBytes: 1, files: 1 };
  return { name, dataClass, owner: "clinic", countries, ...files };
}

function job(parts: Record<string, unknown> = {}): JobSpec {
  return jobSpec.parse({
    version: "quipu.dev/v1",
    name: "count",
    task: { driver: "hash" },
    ...parts,
  });
}

function place(country: string, site: "private" | "public", grade: Place["grade"] = "claimed") {
  return { country, zone: "", site, grade } satisfies Place;
}

const cpu = { id: "cpu", model: "x86", memoryBytes: 2 ** 34, backends: ["avx2", "portable"] };
const gpu = { id: "cuda:0", model: "H200", memoryBytes: 2 ** 37, backends: ["cuda"] };

function host(name: string, where: Place, parts: Partial<HostView> = {}): HostView {
  const idle = { devices: [cpu], dataSets: ["digits"], attached: true, busyDevices: [] };
  return { name, place: where, ...idle, ...parts };
}

const sg = host("sg-1", place("SG", "private", "operator-asserted"));
const cl = host("cl-1", place("CL", "private", "operator-asserted"));
const de = host("de-1", place("DE", "public", "operator-asserted"));

function ask(
  spec: JobSpec,
  hosts: readonly HostView[],
  data?: DataSet,
  policy: Pick<PolicyEngine, "digest" | "runOn"> = base,
) {
  const digest = jobDigest(spec);
  return decide({ id: "dec-1", job: spec, jobDigest: digest, at, hosts, dataSet: data, policy });
}

function ruleOf(verdict: Verdict): string {
  return verdict.allowed ? "allowed" : verdict.rule;
}

t.test("run_on: class x country x site x grade is the written table", async (t) => {
  const wrong: string[] = [];
  for (const dataClass of dataClasses)
    for (const named of [[], ["SG"], ["CL", "SG"], ["DE"]])
      for (const country of ["SG", "CL", "DE", "US"])
        for (const site of sites)
          for (const grade of placeGrades) {
            const inside = named.includes(country);
            const expected = {
              public: named.length === 0 || inside,
              internal: named.length === 0 ? site === "private" : inside,
              personal: inside && site === "private",
              sensitive: inside && site === "private" && grade !== "claimed",
            }[dataClass];
            const verdict = base.runOn({
              job: job({ dataSet: "digits" }),
              dataSet: dataSet(dataClass, named),
              host: { name: "h", place: place(country, site, grade) },
            });
            if (verdict.allowed === expected) continue;
            wrong.push(canonicalJson([dataClass, named, country, site, grade, verdict]));
          }
  t.same(wrong, []);
  const bare = { name: "h", place: place("US", "public") };
  t.same(base.runOn({ job: job(), host: bare }), {
    allowed: true,
    rules: ["base.run", "base.burst"],
  });
});

t.test("each refusal carries a stable rule id and says what it looked at", async (t) => {
  const run = (data: DataSet, where: Place) =>
    base.runOn({
      job: job({ dataSet: data.name }),
      dataSet: data,
      host: { name: "h", place: where },
    });
  const cases: [DataSet, Place, string][] = [
    [dataSet("public", ["SG"]), de.place, "residency.public"],
    [dataSet("internal", ["SG"]), de.place, "residency.internal"],
    [dataSet("personal", ["SG", "CL"]), de.place, "residency.personal"],
    [dataSet("personal", []), sg.place, "residency.personal"],
    [dataSet("personal", ["DE"]), de.place, "burst.class"],
    [dataSet("sensitive", ["SG"]), de.place, "residency.sensitive"],
    [dataSet("sensitive", ["DE"]), de.place, "site.sensitive"],
    [dataSet("sensitive", ["SG"]), place("SG", "private"), "grade.sensitive"],
    [dataSet("public", []), place("ZZ", "private"), "place.unknown"],
    [dataSet("public", []), place("XK", "private"), "place.unknown"],
    [dataSet("public", []), place("sg", "private"), "place.unknown"],
  ];
  for (const [data, where, rule] of cases) {
    t.equal(ruleOf(run(data, where)), rule, `${data.dataClass} in ${where.country}: ${rule}`);
  }
  const refused = run(dataSet("personal", ["SG", "CL"]), de.place);
  t.same(refused, {
    allowed: false,
    rule: "residency.personal",
    text:
      "Personal data may be processed only in countries that its owner names. " +
      "Asked: DE, public, operator-asserted; data set digits (personal; CL, SG).",
  });
  t.equal(ruleOf(base.runOn({ job: job({ dataSet: "digits" }), host: sg })), "data.unknown");
  const other = dataSet("public", [], "other");
  const swapped = base.runOn({ job: job({ dataSet: "digits" }), dataSet: other, host: sg });
  t.equal(ruleOf(swapped), "data.unknown", "a data set of another name does not stand in");
  const hidden = base.runOn({ job: job(), dataSet: dataSet("personal", ["SG"]), host: sg });
  t.equal(ruleOf(hidden), "data.unknown", "a data set that the job does not name is refused");
});

t.test("export: results follow the terms of their data", async (t) => {
  const wrong: string[] = [];
  for (const dataClass of dataClasses)
    for (const named of [[], ["SG"], ["CL", "SG"]])
      for (const destinationCountry of ["SG", "CL", "DE"])
        for (const what of ["output", "artifact", "log"] as const) {
          const data = dataSet(dataClass, named);
          const verdict = base.exportTo({ dataSet: data, destinationCountry, what });
          const expected = dataClass === "public" || named.includes(destinationCountry);
          if (verdict.allowed === expected) continue;
          wrong.push(canonicalJson([dataClass, named, destinationCountry, what, verdict]));
        }
  t.same(wrong, []);
  const personal = dataSet("personal", ["SG"]);
  const spec = job({ dataSet: "digits" });
  const to = (destinationCountry: string, data?: DataSet) =>
    ruleOf(base.exportTo({ job: spec, dataSet: data, destinationCountry, what: "output" }));
  t.equal(to("DE", personal), "export.personal");
  t.equal(to("SG", personal), "allowed");
  t.equal(to("SG"), "data.unknown");
  t.equal(to("", personal), "place.unknown");
  t.equal(ruleOf(base.exportTo({ destinationCountry: "DE", what: "artifact" })), "allowed");
});

t.test("a missing fact refuses, for each rule and each fact that a rule can see", async (t) => {
  const facts: [string, string, string[]][] = [
    ["place", "place.unknown", ["country", "site", "grade"]],
    ["dataSet", "data.unknown", ["name", "dataClass", "owner", "countries"]],
    ["job", "engine.job", ["owner", "purpose", "task"]],
  ];
  const without = <T extends object>(value: T, key: string): T =>
    Object.fromEntries(Object.entries(value).filter(([name]) => name !== key)) as T;
  for (const rule of base.rules.values()) {
    const dataClass = dataClasses.find((name) => rule.id.endsWith(name)) ?? "public";
    const request = {
      job: job({ dataSet: "digits" }),
      dataSet: dataSet(dataClass, ["SG"]),
      place: sg.place,
    };
    const run = (parts: typeof request) =>
      base.runOn({ ...parts, host: { name: "h", place: parts.place } });
    t.equal(run(request).allowed, true, `${rule.id}: allowed while every fact is there`);
    for (const [part, expected, keys] of facts)
      for (const key of keys) {
        const broken = without(request[part as keyof typeof request], key);
        const verdict = run({ ...request, [part]: broken });
        if (ruleOf(verdict) !== expected) t.fail(`${rule.id}: ${part} without ${key}`);
        const leave = {
          ...request,
          [part]: broken,
          destinationCountry: "SG",
          what: "log",
        } as const;
        if (part !== "place" && ruleOf(base.exportTo(leave)) !== expected)
          t.fail(`${rule.id}: export with ${part} without ${key}`);
      }
    for (const empty of ["place", "job"]) {
      const verdict = run({ ...request, [empty]: empty === "job" ? {} : undefined });
      t.equal(verdict.allowed, false, `${rule.id}: without any ${empty}`);
    }
  }
});

t.test("wrong policies are refused with file, line and Cedar's own message", async (t) => {
  const rule = (id: string, body: string, notes = '@says("so")') =>
    `@id("${id}") ${notes}\n${body};\n`;
  const permit = 'permit (principal, action == Action::"run_on", resource)';
  const refused: [string, RegExp][] = [
    ["permit (principal,", /^my\.cedar:1: failed to parse/],
    [
      `${rule("a.a", permit)}${rule("a.b", `${permit} when { resource.contry == "SG" }`)}`,
      /^my\.cedar:4: .*contry.*did you mean `country`/s,
    ],
    [
      rule("a.a", `${permit} when { context.job.owner == "x" }`),
      /`job` on context .*not found|job/s,
    ],
    [
      rule(
        "a.a",
        'permit (principal, action == Action::"export", resource) when { context.job.owner == "x" }',
      ),
      /optional attribute.*has job/s,
    ],
    [rule("a.a", `${permit} when { resource.gradeRank == "1" }`), /types.*not compatible|type/s],
    [
      rule("a.a", `${permit} when { resource.site == "private" && resource is Job }`),
      /impossible|false|never/s,
    ],
    [
      rule("a.a", `${permit} when { resource.gradeRank < 9007199254740993 }`),
      /whole numbers in rules go up to 9007199254740991/,
    ],
    [`${permit};`, /my\.cedar:1: each rule needs an @id/],
    [rule("Bad Id", permit), /each rule needs an @id/],
    [rule("place.mine", permit), /reserved/],
    [rule("a.a", permit, ""), /needs @says/],
    [rule("a.a", permit, '@says("so") @asof("x")'), /unknown annotation @asof/],
    [rule("a.a", permit, '@says("so") @law("PDPA")'), /needs @source and @asOf/],
    [rule("a.a", permit, '@says("so") @article("26")'), /go with @law/],
    [rule("a.a", permit) + rule("a.a", permit), /rule id a\.a stands in both/],
    [
      '@id("a.a") @says("so") permit (principal == ?principal, action == Action::"run_on", resource);',
      /includes a template/,
    ],
    [`${permit}// ${"x".repeat(300_000)}`, /larger than/],
  ];
  for (const [text, message] of refused) {
    let caught: unknown;
    try {
      loadPolicy({ "my.cedar": text });
    } catch (error) {
      caught = error;
    }
    t.ok(caught instanceof QuipuError && caught.code === "INVALID_ARGUMENT", `${message}: refused`);
    t.match((caught as QuipuError | undefined)?.message, message);
    t.equal((caught as QuipuError | undefined)?.details.file, "my.cedar");
  }
});

t.test("forbid wins, errors refuse, default deny names the nearest permit", async (t) => {
  const permit = 'permit (principal, action == Action::"run_on", resource)';
  const overflow = `@id("x.overflow") @says("never")
    forbid (principal, action == Action::"run_on", resource)
    when { resource.gradeRank * 9007199254740991 * 9007199254740991 < 0 };`;
  const broken = loadPolicy({ "base.cedar": baseText, "x.cedar": overflow });
  const spec = job();
  const verdict = broken.runOn({ job: spec, host: sg });
  t.equal(ruleOf(verdict), "engine.evaluation", "Cedar alone would have allowed it");
  t.match(verdict.allowed ? "" : verdict.text, /x\.overflow: .*overflow/);
  const claimed = { name: "h", place: place("SG", "private", "claimed") };
  t.equal(broken.runOn({ job: spec, host: claimed }).allowed, true, "no error, no refusal");

  const narrow = loadPolicy({
    "a.cedar": `@id("a.far") @says("far") ${permit}
      when { resource.country == "CL" && resource.site == "private" && principal.owner == "x" };
      @id("a.near") @says("near") ${permit}
      when { resource.country == "CL" && resource.site == "private" } unless { principal.purpose == "ads" };`,
  });
  const denied = narrow.runOn({ job: spec, host: sg });
  t.equal(ruleOf(denied), "engine.no-permit");
  t.match(denied.allowed ? "" : denied.text, /nearest is a\.near, which needs when \{.*"CL"/);
  t.notMatch(denied.allowed ? "" : denied.text, /private" \}|a\.far/);
  t.equal(narrow.runOn({ job: spec, host: cl }).allowed, true);
  const nothing = narrow.exportTo({ destinationCountry: "SG", what: "log" });
  t.match(nothing.allowed ? "" : nothing.text, /No rule permits export/);
  t.equal(ruleOf(loadPolicy({}).runOn({ job: spec, host: sg })), "engine.no-permit");

  const law = `@id("sg.transfer") @says("Not to SG") @law("PDPA") @article("s26")
    @source("sso.agc.gov.sg") @asOf("2026-01-01")
    forbid (principal, action, resource == Host::"sg-1");`;
  const packed = loadPolicy({ "base.cedar": baseText, "law.cedar": law });
  t.match(packed.runOn({ job: spec, host: sg }), {
    rule: "sg.transfer",
    law: "PDPA s26 (sso.agc.gov.sg, read 2026-01-01)",
  });
  const twin = { name: "sg-2", place: sg.place };
  t.equal(packed.runOn({ job: spec, host: twin }).allowed, true, "only the host it names");
});

t.test("a policy set is named by what it says, not by how it is laid out", async (t) => {
  const spaced = baseText.replaceAll("\nwhen {", "\n  // a comment\n  when   {");
  t.equal(loadPolicy({ "other.cedar": spaced }).digest, base.digest);
  t.match(base.digest, /^sha256:[0-9a-f]{64}$/);
  const changed = baseText.replace("resource.gradeRank >= 1", "resource.gradeRank >= 2");
  t.not(loadPolicy({ "base.cedar": changed }).digest, base.digest);
  const reworded = baseText.replace('@says("Sensitive', '@says("Such');
  t.not(loadPolicy({ "base.cedar": reworded }).digest, base.digest);
});

t.test("placed, queued, refused; private before public; each host once", async (t) => {
  const personal = dataSet("personal", ["SG", "CL"]);
  const spec = job({ dataSet: "digits" });
  const placed = ask(spec, [de, sg, cl], personal);
  t.same(placed.outcome, { kind: "placed", host: "cl-1", device: "cpu" });
  t.same(
    placed.offers.map(({ host, parts, rules }) => ({ host, parts, rules })),
    ["cl-1", "sg-1"].map((name) => ({
      host: name,
      parts: { device: 200, idle: 100 },
      rules: ["base.run", "base.read"],
    })),
  );
  t.same(
    placed.reasons.map(({ host, rule }) => [host, rule]),
    [["de-1", "residency.personal"]],
  );
  t.match(
    explain(placed).sentence,
    /^Placed on cl-1 \(CL, private\), device cpu: it scores best of 2/,
  );

  const busy = { busyDevices: ["cpu"] };
  const full = [{ ...sg, ...busy }, { ...cl, ...busy }, de];
  const queued = ask(spec, full, personal);
  t.same(queued.outcome, { kind: "queued" });
  t.same(explain(queued), {
    sentence: "Waiting for cl-1, sg-1: Every fitting device is busy: cpu.",
    change: "It waits until a run on one of them ends.",
    rule: "device.busy",
  });

  const burst = ask(job(), full);
  t.same(burst.outcome, { kind: "placed", host: "de-1", device: "cpu" });
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
  t.match(empty.reasons, [{ host: "", rule: "fleet.empty" }]);
  t.match(explain(empty).sentence, /no host has joined/);
  t.throws(() => ask(job(), [sg, sg]), { code: "CONFLICT" });
});

t.test("each filter names itself; devices are chosen to fit", async (t) => {
  const onnx = { driver: "tensor", model: digits, inputs: {} };
  const two = { devices: [cpu, gpu] };
  const rules: [Record<string, unknown>, Partial<HostView>, string][] = [
    [{ placement: { hosts: ["de-1"] } }, {}, "placement.hosts"],
    [{ placement: { countries: ["DE"] } }, {}, "placement.countries"],
    [{ placement: { countries: [] } }, {}, "placement.countries"],
    [{ placement: { sites: ["public"] } }, {}, "placement.sites"],
    [{ dataSet: "digits" }, { dataSets: [] }, "data.absent"],
    [{}, { attached: false }, "host.detached"],
    [{ resources: { device: "cuda" } }, {}, "device.kind"],
    [{}, { devices: [] }, "device.kind"],
    [{ task: { ...onnx, backend: "avx512" } }, two, "device.backend"],
    [{ resources: { memoryBytes: 2 ** 35 } }, {}, "device.memory"],
    [{ resources: { device: "cpu", memoryBytes: 2 ** 35 } }, two, "device.memory"],
    [{ resources: { device: "cuda" } }, { ...two, busyDevices: ["cuda:0"] }, "device.busy"],
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
  t.equal(device({ task: onnx }, { ...two, busyDevices: ["cuda:0"] }), "cpu");
  t.equal(device({ task: onnx }, { devices: [gpu, small, cpu] }), "cuda:10", "smallest that fits");
  t.equal(device({ task: { ...onnx, backend: "portable" } }, two), "cpu");
  const same = [
    { ...gpu, id: "cuda:10" },
    { ...gpu, id: "cuda:2" },
  ];
  t.equal(device({ task: onnx }, { devices: same }), "cuda:2", "numbers, not text");
});

const anyCountry = fc.constantFrom("SG", "CL", "DE", "CN", "US", "ZZ");
const anyCountries = fc.uniqueArray(fc.constantFrom("SG", "CL", "DE", "CN"), { maxLength: 4 });
const anyHost = (name: string): fc.Arbitrary<HostView> =>
  fc.record({
    name: fc.constant(name),
    place: fc.record({
      country: anyCountry,
      zone: fc.constant(""),
      site: fc.constantFrom(...sites),
      grade: fc.constantFrom(...placeGrades),
    }),
    devices: fc.constantFrom([], [cpu], [gpu], [cpu, gpu], [gpu, cpu]),
    dataSets: fc.constantFrom([], ["digits"], ["digits", "other"]),
    attached: fc.boolean(),
    busyDevices: fc.constantFrom([], ["cpu"], ["cuda:0"], ["cpu", "cuda:0"]),
  });
const anyFleet = fc
  .integer({ min: 0, max: 7 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, i) => anyHost(`h-${i}`))));
const anyCase = fc.record({
  fleet: anyFleet,
  data: fc.option(
    fc.tuple(fc.constantFrom(...dataClasses), anyCountries).map(([c, named]) => dataSet(c, named)),
    { nil: undefined },
  ),
  wish: fc.constantFrom(
    {},
    { placement: { countries: ["SG", "DE"] } },
    { placement: { sites: ["private"] } },
    { placement: { hosts: ["h-0", "h-3"] } },
    { resources: { device: "cuda", memoryBytes: 2 ** 30 } },
  ),
});

t.test("properties over random fleets", async (t) => {
  const seen = { placed: 0, queued: 0, refused: 0 };
  const run = ({ fleet, data, wish }: typeof anyCase extends fc.Arbitrary<infer T> ? T : never) =>
    ask(job({ ...wish, ...(data === undefined ? {} : { dataSet: "digits" }) }), fleet, data);
  fc.assert(
    fc.property(anyCase, anyHost("extra"), fc.nat(), (one, extra, turn) => {
      const decision = run(one);
      seen[decision.outcome.kind] += 1;
      const { fleet, data, wish } = one;
      const spec = job({ ...wish, ...(data === undefined ? {} : { dataSet: "digits" }) });

      for (const { host: name, device } of decision.offers) {
        const view = fleet.find((each) => each.name === name);
        if (view === undefined) throw new Error(`${name} is not in the fleet`);
        if (!base.runOn({ job: spec, dataSet: data, host: view }).allowed) {
          throw new Error(`${name} was offered against the law`);
        }
        const { countries, sites: kinds, hosts } = spec.placement;
        const wished =
          (countries?.includes(view.place.country) ?? true) &&
          (kinds?.includes(view.place.site) ?? true) &&
          (hosts?.includes(name) ?? true);
        if (!wished || !view.attached || view.busyDevices.includes(device)) {
          throw new Error(`${name} does not fit`);
        }
        if (data !== undefined && !view.dataSets.includes("digits")) throw new Error("no data");
      }
      const named = [...decision.offers, ...decision.reasons].map((row) => row.host).sort();
      const expected = fleet.length === 0 ? [""] : fleet.map((each) => each.name).sort();
      if (canonicalJson(named) !== canonicalJson(expected)) throw new Error("each host once");
      for (const { rule, text } of decision.reasons) {
        if (!rule || rule === "law" || !text) throw new Error("a refusal names rule and text");
      }
      const { kind } = decision.outcome;
      if ((kind === "placed") !== decision.offers.length > 0) throw new Error("placed = offers");
      const { sentence, change } = explain(decision);
      if (!sentence || (kind === "placed") !== (change === "")) throw new Error("explained");
      const privateRoom = decision.offers.some(({ place: { site } }) => site === "private");
      if (privateRoom && decision.offers[0]?.place.site !== "private") throw new Error("burst");

      const cut = fleet.length === 0 ? 0 : turn % fleet.length;
      const turned = [...fleet.slice(cut), ...fleet.slice(0, cut)].reverse();
      const again = run({ ...one, fleet: turned as typeof fleet });
      if (canonicalJson(again) !== canonicalJson(decision)) throw new Error("order matters");
      const grown = run({ ...one, fleet: [...fleet, extra] as unknown as typeof fleet });
      if (kind === "placed" && grown.outcome.kind !== "placed") throw new Error("a host took away");
      if (kind === "queued" && fleet.length > 0 && grown.outcome.kind === "refused") {
        throw new Error("a host made it unlawful");
      }
    }),
    { numRuns: 600 },
  );
  t.ok(seen.placed > 20 && seen.queued > 20 && seen.refused > 20, JSON.stringify(seen));
});

t.test("whatever the scores, a forbid keeps a host out", async (t) => {
  const none = {
    digest: base.digest,
    runOn: (): Verdict => ({ allowed: false, rule: "x.none", text: "Nowhere." }),
  };
  fc.assert(
    fc.property(anyCase, ({ fleet, data, wish }) => {
      const spec = job({ ...wish, ...(data === undefined ? {} : { dataSet: "digits" }) });
      const decision = ask(spec, fleet, data, none);
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
  t.equal(decision.offers.length, 2500);
  t.equal(decision.reasons.length, 2500);
  t.equal(decision.reasons[0]?.rule, "f.r7");
});
