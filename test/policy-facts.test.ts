/** Facts beside class and place: terms of owners, instruments, grants, approvals, and their ends. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import t from "tap";
import { canonicalJson } from "../src/base/canonical-json.js";
import type { DataSet } from "../src/model/data-set.js";
import type { Place } from "../src/model/place.js";
import type { Counts, Instrument, Terms } from "../src/model/terms.js";
import { authorize, type CedarRequest, prepare, record } from "../src/scheduler/policy/cedar.js";
import { loadPolicy } from "../src/scheduler/policy/engine.js";
import { parsePolicy, settingsFile } from "../src/scheduler/policy/policy-files.js";
import { RuleBlocks } from "../src/scheduler/policy/rule-blocks.js";
import { at, baseText, dataSet, digits, job, place, ruleOf, sg } from "./scheduler-world.js";

const termsText = readFileSync("deploy/policy/terms.cedar", "utf8");
const owned = loadPolicy({ "base.cedar": baseText, "terms.cedar": termsText });
const until = "2027-01-01T00:00:00Z";
const later = "2027-01-01T00:00:00.001Z";
const earlier = "2026-12-31T23:59:59.999Z";

function digitsWith(terms: Terms): DataSet {
  return { ...dataSet("public", []), terms };
}

/** Sees one fact as a rule does: refused by `x.seen` exactly when the condition holds. */
function seeing(action: string, condition: string) {
  return loadPolicy({
    "base.cedar": baseText,
    "x.cedar": `@id("x.seen") @says("seen")
      forbid (principal, action == Action::"${action}", resource) when { ${condition} };`,
  });
}

t.test("an owner's purposes and grants bind who may use the data", async (t) => {
  const use = (terms: Terms, parts: { owner?: string; purpose?: string } = {}, counts?: Counts) =>
    ruleOf(
      owned.runOn({
        job: job({ dataSet: "digits", owner: "lab", ...parts }),
        dataSet: digitsWith(terms),
        host: sg,
        at,
        counts,
      }),
    );
  t.equal(use({}), "allowed", "whoever says nothing forbids nothing");
  t.equal(use({ purposes: ["care", "research"] }, { purpose: "research" }), "allowed");
  t.equal(use({ purposes: ["care", "research"] }, { purpose: "ads" }), "terms.purpose");
  const grants = [{ to: "lab", purposes: ["research"], until: "2026-06-01T00:00:00Z" }];
  const research = { purpose: "research" };
  t.equal(use({ grants }, research), "allowed");
  t.equal(use({ grants }, { purpose: "ads" }), "terms.grant", "for another purpose");
  t.equal(use({ grants }, { ...research, owner: "other" }), "terms.grant", "to somebody else");
  t.equal(use({ grants: [] }, research), "terms.grant", "lent to nobody");
  t.equal(use({ grants: [] }, { owner: "clinic" }), "allowed", "but its owner needs none");
  const counted = grants.map((grant) => ({ ...grant, usesMax: 2 }));
  t.equal(use({ grants: counted }, research, { usesSoFar: 1 }), "allowed");
  t.equal(use({ grants: counted }, research, { usesSoFar: 2 }), "terms.grant", "used up");
  t.equal(use({ grants: counted }, research), "terms.grant", "nobody knows how often");
  const spec = job({ dataSet: "digits", owner: "lab", ...research });
  const after = owned.runOn({
    ...{ job: spec, dataSet: digitsWith({ grants }), host: sg },
    at: "2026-06-01T00:00:00Z",
  });
  t.equal(ruleOf(after), "terms.grant", "over at its very end");
});

t.test("a model that needs approval runs only when it has it", async (t) => {
  const set = (algorithms: unknown[]) =>
    loadPolicy({
      "base.cedar": baseText,
      "terms.cedar": termsText,
      [settingsFile]: JSON.stringify({ algorithms }),
    });
  const run = (algorithms: unknown[], purpose = "care", when = at) =>
    ruleOf(
      set(algorithms).runOn({
        job: job({ purpose, task: { driver: "tensor", model: digits, inputs: {} } }),
        host: sg,
        at: when,
      }),
    );
  const model = { digest: digits, name: "triage" };
  t.equal(run([]), "allowed", "nobody has said that it needs approval");
  t.equal(run([model]), "ethics.approval", "registered, and approved by nobody");
  t.equal(run([{ ...model, approvalFor: ["hiring"] }]), "allowed", "not for this purpose");
  t.equal(run([{ ...model, approvalFor: ["hiring"] }], "hiring"), "ethics.approval");
  const approved = (purposes: "any" | string[]) => [
    { ...model, approvals: [{ by: "ethics board", purposes, until }] },
  ];
  t.equal(run(approved(["care"])), "allowed");
  t.equal(run(approved("any")), "allowed");
  t.equal(run(approved(["research"])), "ethics.approval");
  t.equal(run(approved(["care"]), "care", earlier), "allowed");
  t.equal(run(approved(["care"]), "care", until), "ethics.approval", "the approval has ended");
  t.not(set([model]).digest, set([]).digest, "the register is part of the set");
  const listed = seeing("run_on", "!(context has algorithm && context.algorithm.registered)");
  const bare = {
    job: job({ task: { driver: "tensor", model: digits, inputs: {} } }),
    host: sg,
    at,
  };
  t.equal(ruleOf(listed.runOn(bare)), "x.seen", "an operator may admit registered models only");
});

t.test("an expired grade counts as claimed, and nothing else of the place changes", async (t) => {
  const sensitive = dataSet("sensitive", ["SG"]);
  const run = (where: Place, when: string) =>
    owned.runOn({
      ...{ job: job({ dataSet: "digits" }), dataSet: sensitive, at: when },
      host: { name: "h", place: where },
    });
  const graded: Place = { ...place("SG", "private", "hardware-attested"), gradeUntil: until };
  t.equal(ruleOf(run(graded, earlier)), "allowed");
  for (const when of [until, later]) {
    t.match(run(graded, when), { rule: "grade.sensitive", text: /Asked: SG, private, claimed;/ });
  }
  t.equal(ruleOf(run({ ...graded, gradeUntil: "soon" } as Place, at)), "place.unknown");
  for (const when of ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01"]) {
    t.equal(ruleOf(run(graded, when)), "engine.time", `"${when}" is no moment`);
  }
});

t.test("an instrument counts where, for whom and while it is said to", async (t) => {
  const contract: Instrument = { mechanism: "contract", countries: ["SG", "CL"], until };
  const policy = seeing("export", 'context.basis.mechanisms.contains("contract")');
  const leaves = (terms: Terms, to: string, recipient?: string, when = at) =>
    ruleOf(
      policy.exportTo({
        ...{ dataSet: digitsWith(terms), destinationCountry: to, recipient, at: when },
        what: "output",
      }),
    );
  const bound = { instruments: [contract] };
  t.equal(leaves(bound, "SG"), "x.seen");
  t.equal(leaves(bound, "DE"), "allowed", "a country that it does not name");
  t.equal(leaves({}, "SG"), "allowed", "no instrument at all");
  t.equal(leaves(bound, "SG", undefined, earlier), "x.seen");
  t.equal(leaves(bound, "SG", undefined, until), "allowed", "it has ended");
  const named = { instruments: [{ ...contract, recipients: ["acme"] }] };
  t.equal(leaves(named, "SG", "acme"), "x.seen");
  t.equal(leaves(named, "SG", "other"), "allowed", "it binds somebody else");
  t.equal(leaves(named, "SG"), "allowed", "nobody says who receives it");
  const onHost = seeing("run_on", 'context.basis.mechanisms.contains("contract")');
  const run = (operator?: string) =>
    ruleOf(
      onHost.runOn({
        ...{ job: job({ dataSet: "digits" }), dataSet: digitsWith(named), at },
        host: { name: "h", place: { ...sg.place, ...(operator ? { operator } : {}) } },
      }),
    );
  t.equal(run("acme"), "x.seen", "the operator of a host receives what jobs read there");
  t.equal(run(), "allowed");
});

t.test("what is unknown is absent, and what is stated is seen", async (t) => {
  const stated: [string, Terms][] = [
    ['origin == "CN"', { origin: "CN" }],
    ["persons == 7", { persons: 7 }],
    ["importantData", { importantData: true }],
    ["criticalOperator", { criticalOperator: true }],
    ["domesticAdded", { domesticAdded: true }],
    ["transit", { transit: true }],
    ["habitual", { habitual: true }],
  ];
  for (const [condition, terms] of stated) {
    const [name] = Object.keys(terms);
    const policy = seeing("export", `context.data has ${name} && context.data.${condition}`);
    const leaves = (data: DataSet) =>
      ruleOf(policy.exportTo({ dataSet: data, destinationCountry: "SG", what: "log", at }));
    t.equal(leaves(digitsWith(terms)), "x.seen", `${name} is seen`);
    t.equal(leaves(digitsWith({})), "allowed", `${name} is absent`);
  }
  const counted = seeing(
    "run_on",
    "context.basis has personsThisYear && context.basis.personsThisYear == 5",
  );
  const run = (personsThisYear?: number) =>
    ruleOf(
      counted.runOn({
        ...{ job: job({ dataSet: "digits" }), dataSet: digitsWith({}), host: sg, at },
        counts: { personsThisYear },
      }),
    );
  t.same([run(5), run(4), run(), run(-1), run(0.5)], ["x.seen", ...Array(4).fill("allowed")]);
  const leaving = seeing(
    "export",
    'context has from && context.from == "CN" && resource has recipient && principal.what == "model-update"',
  );
  const request = { destinationCountry: "SG", what: "model-update", at } as const;
  const full = { ...request, fromCountry: "CN", recipient: "acme" };
  t.equal(ruleOf(leaving.exportTo(full)), "x.seen");
  t.equal(ruleOf(leaving.exportTo({ ...full, what: "checkpoint" })), "allowed");
  t.equal(ruleOf(leaving.exportTo({ ...full, recipient: undefined })), "allowed");
  t.equal(ruleOf(leaving.exportTo({ ...full, fromCountry: undefined })), "allowed");
  const unknown = owned.exportTo({ ...request, dataSet: digitsWith({ origin: "ZZ" }) });
  t.equal(ruleOf(unknown), "data.unknown", "an origin that is no country");
  const odd = { ...dataSet("public", []), terms: { origin: 7 } } as unknown as DataSet;
  t.equal(ruleOf(owned.exportTo({ ...request, dataSet: odd })), "data.unknown");
});

t.test("past its day of review a rule makes no exceptions, or is only warned of", async (t) => {
  const rules = `
    @id("x.law") @says("Personal data leaves by contract only") @law("Act") @source("s")
    @asOf("2026-01-01") @review("2026-06-30")
    forbid (principal, action == Action::"export", resource)
    when { context.data.dataClass == "personal" }
    unless { context.basis.mechanisms.contains("contract") };`;
  const files = { "base.cedar": baseText, "x.cedar": rules };
  const refusing = loadPolicy(files);
  const warning = loadPolicy({ ...files, [settingsFile]: '{ "stale": "warn" }' });
  const contract: Instrument = { mechanism: "contract", countries: ["SG"], until };
  const personal = { ...dataSet("personal", ["SG"]), terms: { instruments: [contract] } };
  const leave = { dataSet: personal, destinationCountry: "SG", what: "output" } as const;
  const [before, after] = ["2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z"];
  t.equal(ruleOf(refusing.exportTo({ ...leave, at: before })), "allowed", "its last day");
  t.match(refusing.exportTo({ ...leave, at: after }), {
    rule: "engine.stale",
    text: /Rule x\.law was to be reviewed by 2026-06-30/,
    law: "Act (s, read 2026-01-01)",
  });
  const open = { ...leave, dataSet: dataSet("public", []), at: after };
  t.equal(ruleOf(refusing.exportTo(open)), "allowed", "what the law does not concern");
  const bare = { ...leave, dataSet: dataSet("personal", ["SG"]), at: after };
  t.equal(ruleOf(refusing.exportTo(bare)), "x.law", "what it refuses anyway is refused by itself");
  t.equal(ruleOf(warning.exportTo({ ...leave, at: after })), "allowed");
  const ids = (policy: typeof warning, when: string) => policy.staleRules(when).map(({ id }) => id);
  t.same([ids(warning, before), ids(warning, after)], [[], ["x.law"]]);
  t.not(warning.digest, refusing.digest, "the setting is part of the set");
  const permit = `@id("x.permit") @says("may") @law("Act") @source("s") @asOf("2026-01-01")
    @review("2026-06-30") permit (principal, action, resource);`;
  const permitting = loadPolicy({ "x.cedar": permit });
  t.equal(ruleOf(permitting.exportTo({ ...open, at: before })), "allowed");
  t.equal(ruleOf(permitting.exportTo(open)), "engine.stale", "a stale permit permits nothing");
});

t.test("all faults of a set are told at once, each with its place", async (t) => {
  const files = {
    "a.cedar": 'permit (principal, action == Action::"run_on", resource);\n@id("x") forbid (',
    "b.cedar": `@id("b.b") @says("b") @law("L") @source("s") @asOf("2026-02-30") @review("soon")
      permit (principal, action == Action::"burst", resource);
      @id("b.b") @says("b")
      permit (principal, action == Action::"burst", resource)
      when { resource.contry == "SG" };`,
    "c.cedar": '@id("c.c") permit (principal, action, resource);',
    [settingsFile]: '{ "stale": "maybe", "algorithms": [{ "digest": "x" }] }',
    "notes.txt": "",
  };
  const faultsOf = (given: Record<string, string>): string[] => {
    try {
      loadPolicy(given);
      return [];
    } catch (error) {
      return (error as { details: { faults: string[] } }).details.faults;
    }
  };
  t.same(faultsOf(files), ["notes.txt: a set holds .cedar files and set.json"]);
  const { "notes.txt": _, ...rest } = files;
  const faults = faultsOf(rest);
  const expected = [
    /^a\.cedar:2: /,
    /^b\.cedar:5: .*contry/,
    /^b\.cedar:1: @law needs @source and @asOf/,
    /^b\.cedar:1: @review is a day/,
    /^c\.cedar:1: rule c\.c needs @says/,
    /^set\.json: stale: /,
    /^set\.json: algorithms\.0\.digest: /,
    /^set\.json: algorithms\.0\.name: /,
  ];
  t.equal(faults.length, expected.length, faults.join("\n"));
  for (const pattern of expected)
    t.ok(
      faults.some((fault) => pattern.test(fault)),
      `${pattern}`,
    );
  t.match(faultsOf({ [settingsFile]: "{" }), [/^set\.json: /]);
  const twice = { digest: digits, name: "m" };
  t.match(faultsOf({ [settingsFile]: JSON.stringify({ algorithms: [twice, twice] }) }), [
    /two algorithms have the same digest/,
  ]);
});

t.test("rules asked in blocks answer as rules asked one by one", async (t) => {
  const bodies = [
    'when { context.data.owner == "clinic" }',
    'when { context.data.dataClass == "public" } unless { resource.country == "SG" }',
    'unless { context.basis.leaves.contains("CN") }',
    "when { context.data has persons } when { context.data.persons > 5 }",
    "when { context.data has persons && context.data.persons * 9007199254740991 * 9007199254740991 > 0 }",
    "",
  ];
  const scopes = [
    'principal, action == Action::"export", resource',
    'principal, action in [Action::"run_on", Action::"export"], resource',
    'principal, action == Action::"run_on", resource',
    'principal, action == Action::"export", resource == Destination::"DE"',
  ];
  const anyRule = fc.tuple(
    fc.constantFrom("forbid", "forbid", "forbid", "permit"),
    fc.constantFrom(...scopes),
    fc.constantFrom(...bodies),
  );
  let [allowed, faulty] = [0, 0];
  fc.assert(
    fc.property(
      fc.array(anyRule, { maxLength: 40 }),
      fc.constantFrom("SG", "DE"),
      fc.constantFrom(undefined, 1, 9),
      fc.constantFrom("public", "personal"),
      (drawn, country, persons, dataClass) => {
        const text = [["permit", "principal, action, resource", ""], ...drawn].map(
          ([effect, scope, body], i) => `@id("r.n${i}") @says("s") ${effect} (${scope}) ${body};`,
        );
        const { rules } = parsePolicy({ "a.cedar": text.join("\n") });
        const request: CedarRequest = {
          action: "export",
          principal: { uid: { type: "Export", id: "log" }, attrs: { what: "log" }, parents: [] },
          resource: { uid: { type: "Destination", id: country }, attrs: { country }, parents: [] },
          context: {
            data: record({ dataClass, owner: "lab", persons }),
            basis: { mechanisms: [], leaves: [] },
          },
        };
        const answer = new RuleBlocks("blocks", "export", rules).ask(request);
        prepare("one-by-one", Object.fromEntries(rules.map(({ id, policy }) => [id, policy])));
        const plain = authorize("one-by-one", request);
        if (plain.type === "failure") return false;
        const { decision, diagnostics } = plain.response;
        const failed = diagnostics.errors.map(({ policyId }) => policyId).sort();
        if (decision === "allow") allowed += 1;
        if (failed.length > 0) faulty += 1;
        // Where a rule fails nothing else counts: the request is refused for that.
        const isSame =
          (decision === "allow") === answer.isAllowed &&
          canonicalJson([...answer.deciding].sort()) ===
            canonicalJson([...diagnostics.reason].sort());
        const faults = answer.faults.map((fault) => fault.split(":")[0]).sort();
        return canonicalJson(faults) === canonicalJson(failed) && (failed.length > 0 || isSame);
      },
    ),
    { numRuns: 150 },
  );
  t.ok(allowed > 10 && faulty > 10, `${allowed} allowed, ${faulty} with a rule that fails`);
});
