import t from "tap";
import { canonicalJson } from "../src/base/canonical-json.js";
import { QuipuError } from "../src/base/errors.js";
import { type DataSet, dataClasses } from "../src/model/data-set.js";
import { type Place, placeGrades, sites } from "../src/model/place.js";
import { loadPolicy } from "../src/scheduler/policy/engine.js";
import { at, base, baseText, cl, dataSet, de, job, place, ruleOf, sg } from "./scheduler-world.js";

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
              at,
              job: job({ dataSet: "digits" }),
              dataSet: dataSet(dataClass, named),
              host: { name: "h", place: place(country, site, grade) },
            });
            if (verdict.allowed === expected) continue;
            wrong.push(canonicalJson([dataClass, named, country, site, grade, verdict]));
          }
  t.same(wrong, []);
  const bare = { name: "h", place: place("US", "public") };
  t.same(base.runOn({ at, job: job(), host: bare }), {
    allowed: true,
    rules: ["base.run", "base.burst"],
  });
});

t.test("each refusal carries a stable rule id and says what it looked at", async (t) => {
  const run = (data: DataSet, where: Place) =>
    base.runOn({
      at,
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
  t.equal(ruleOf(base.runOn({ at, job: job({ dataSet: "digits" }), host: sg })), "data.unknown");
  const other = dataSet("public", [], "other");
  const swapped = base.runOn({ at, job: job({ dataSet: "digits" }), dataSet: other, host: sg });
  t.equal(ruleOf(swapped), "data.unknown", "a data set of another name does not stand in");
  const hidden = base.runOn({ at, job: job(), dataSet: dataSet("personal", ["SG"]), host: sg });
  t.equal(ruleOf(hidden), "data.unknown", "a data set that the job does not name is refused");
});

t.test("export: results follow the terms of their data", async (t) => {
  const wrong: string[] = [];
  for (const dataClass of dataClasses)
    for (const named of [[], ["SG"], ["CL", "SG"]])
      for (const destinationCountry of ["SG", "CL", "DE"])
        for (const what of ["output", "artifact", "log"] as const) {
          const data = dataSet(dataClass, named);
          const verdict = base.exportTo({ at, dataSet: data, destinationCountry, what });
          const expected = dataClass === "public" || named.includes(destinationCountry);
          if (verdict.allowed === expected) continue;
          wrong.push(canonicalJson([dataClass, named, destinationCountry, what, verdict]));
        }
  t.same(wrong, []);
  const personal = dataSet("personal", ["SG"]);
  const spec = job({ dataSet: "digits" });
  const to = (destinationCountry: string, data?: DataSet) =>
    ruleOf(base.exportTo({ at, job: spec, dataSet: data, destinationCountry, what: "output" }));
  t.equal(to("DE", personal), "export.personal");
  t.equal(to("SG", personal), "allowed");
  t.equal(to("SG"), "data.unknown");
  t.equal(to("", personal), "place.unknown");
  t.equal(ruleOf(base.exportTo({ at, destinationCountry: "DE", what: "artifact" })), "allowed");
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
      base.runOn({ at, ...parts, host: { name: "h", place: parts.place } });
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
        if (part !== "place" && ruleOf(base.exportTo({ at, ...leave })) !== expected)
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
    [
      rule("a.a", `${permit} when { ${Array(80).fill('resource.zone == "z"').join(" || ")} }`),
      /my\.cedar:1: nested too deeply/,
    ],
    [rule("Bad Id", permit), /each rule needs an @id/],
    [rule("place.mine", permit), /reserved/],
    [rule("a.a", permit, ""), /needs @says/],
    [rule("a.a", permit, '@says("so") @asof("x")'), /unknown annotation @asof/],
    [rule("a.a", permit, '@says("so") @law("PDPA")'), /needs @source and @asOf/],
    [rule("a.a", permit, '@says("so") @article("26")'), /go with @law/],
    [rule("a.a", permit) + rule("a.a", permit), /rule id a\.a stands in my\.cedar:1 as well/],
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
  const verdict = broken.runOn({ at, job: spec, host: sg });
  t.equal(ruleOf(verdict), "engine.evaluation", "Cedar alone would have allowed it");
  t.match(verdict.allowed ? "" : verdict.text, /x\.overflow: .*overflow/);
  const claimed = { name: "h", place: place("SG", "private", "claimed") };
  t.equal(broken.runOn({ at, job: spec, host: claimed }).allowed, true, "no error, no refusal");

  const narrow = loadPolicy({
    "a.cedar": `@id("a.far") @says("far") ${permit}
      when { resource.country == "CL" && resource.site == "private" && principal.owner == "x" };
      @id("a.near") @says("near") ${permit}
      when { resource.country == "CL" && resource.site == "private" } unless { principal.purpose == "ads" };`,
  });
  const denied = narrow.runOn({ at, job: spec, host: sg });
  t.equal(ruleOf(denied), "engine.no-permit");
  t.match(denied.allowed ? "" : denied.text, /nearest is a\.near, which needs when \{.*"CL"/);
  t.notMatch(denied.allowed ? "" : denied.text, /private" \}|a\.far/);
  t.equal(narrow.runOn({ at, job: spec, host: cl }).allowed, true);
  const nothing = narrow.exportTo({ at, destinationCountry: "SG", what: "log" });
  t.match(nothing.allowed ? "" : nothing.text, /No rule permits export/);
  t.equal(ruleOf(loadPolicy({}).runOn({ at, job: spec, host: sg })), "engine.no-permit");

  const law = `@id("sg.transfer") @says("Not to SG") @law("PDPA") @article("s26")
    @source("sso.agc.gov.sg") @asOf("2026-01-01")
    forbid (principal, action, resource == Host::"sg-1");`;
  const packed = loadPolicy({ "base.cedar": baseText, "law.cedar": law });
  t.match(packed.runOn({ at, job: spec, host: sg }), {
    rule: "sg.transfer",
    law: "PDPA s26 (sso.agc.gov.sg, read 2026-01-01)",
  });
  const twin = { name: "sg-2", place: sg.place };
  t.equal(packed.runOn({ at, job: spec, host: twin }).allowed, true, "only the host it names");
});

t.test(
  "each action is asked: reading the data, bursting, and the job behind an export",
  async (t) => {
    const rules = `
    @id("terms.research") @says("The clinic's data is for research only")
    forbid (principal, action == Action::"read_data", resource)
    when { resource.dataClass == "public" && context.host.country == "SG" }
    unless { principal.purpose == "research" };
    @id("budget.burst") @says("No bursting to US")
    forbid (principal, action == Action::"burst", resource) when { resource.country == "US" };
    @id("export.ads") @says("Nothing made for ads leaves")
    forbid (principal, action == Action::"export", resource)
    when { context has job && context.job.purpose == "ads" && principal.what == "output" };`;
    const policy = loadPolicy({ "base.cedar": baseText, "terms.cedar": rules });
    const data = dataSet("public", []);
    const run = (purpose: string, where: Place) => {
      const spec = job({ dataSet: "digits", purpose });
      return ruleOf(
        policy.runOn({ at, job: spec, dataSet: data, host: { name: "h", place: where } }),
      );
    };
    t.equal(run("ads", sg.place), "terms.research");
    t.equal(run("research", sg.place), "allowed");
    t.equal(run("ads", cl.place), "allowed");
    t.equal(run("ads", place("US", "public")), "budget.burst");
    t.equal(run("ads", place("US", "private")), "allowed", "a private site is no burst");
    const none = dataSet("public", [], "none");
    t.equal(ruleOf(policy.runOn({ at, job: job(), host: sg })), "allowed", "nothing to read");
    const named = { job: job({ dataSet: "none" }), dataSet: none, host: sg };
    t.match(policy.runOn({ at, ...named }), {
      rule: "terms.research",
      text: /data set none \(public/,
    });
    const leave = (purpose: string | undefined, what: "output" | "log") => {
      const spec = purpose === undefined ? undefined : job({ purpose });
      return ruleOf(policy.exportTo({ at, job: spec, destinationCountry: "SG", what }));
    };
    t.equal(leave("ads", "output"), "export.ads");
    t.equal(leave("ads", "log"), "allowed");
    t.equal(leave("research", "output"), "allowed");
    t.equal(leave(undefined, "output"), "allowed", "an optional fact behind has");
  },
);

t.test("a policy set is named by what it says, not by how it is laid out", async (t) => {
  const spaced = baseText.replaceAll("\nwhen {", "\n  // a comment\n  when   {");
  t.equal(loadPolicy({ "other.cedar": spaced }).digest, base.digest);
  t.match(base.digest, /^sha256:[0-9a-f]{64}$/);
  const changed = baseText.replace("resource.gradeRank >= 1", "resource.gradeRank >= 2");
  t.not(loadPolicy({ "base.cedar": changed }).digest, base.digest);
  const reworded = baseText.replace('@says("Sensitive', '@says("Such');
  t.not(loadPolicy({ "base.cedar": reworded }).digest, base.digest);
});
