/**
 * The law packs: the cases beside them, then every combination of what they look at against the law
 * in other words. A pack never allows what was refused, and no fact that is left out helps.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { runCases } from "../src/cli/policy/case-file.js";
import { readPolicyFiles } from "../src/cli/policy/policy-folder.js";
import type { DataClass } from "../src/model/data-set.js";
import { mechanisms, type Terms } from "../src/model/terms.js";
import { loadPolicy, type PolicyEngine } from "../src/scheduler/policy/engine.js";
import { settingsFile } from "../src/scheduler/policy/policy-files.js";
import {
  anyCase,
  at,
  base,
  baseText,
  dataSet,
  job,
  jobOf,
  place,
  ruleOf,
} from "./scheduler-world.js";

const folder = "deploy/policy/packs";
const codes = ["cl", "cn", "eu", "sg"] as const;
const packText = (code: string) => readFileSync(join(folder, `${code}.cedar`), "utf8");
const anything = '@id("x.any") @says("any") permit (principal, action, resource);';
/** A pack alone: whatever it does not forbid is allowed. */
const alone = (code: string) => loadPolicy({ "x.cedar": anything, "pack.cedar": packText(code) });

/** What packs look at; what is undefined is not stated. */
interface Facts extends Pick<Terms, "origin" | "persons" | "transit" | "habitual"> {
  readonly dataClass: DataClass;
  readonly to: string;
  /** `run`: asked of a host, where nobody says where the data lies. */
  readonly from: string | undefined;
  readonly mechanism?: (typeof mechanisms)[number] | undefined;
  readonly assessed?: true | undefined;
  readonly importantData?: boolean | undefined;
  readonly criticalOperator?: boolean | undefined;
  readonly domesticAdded?: boolean | undefined;
}
type Axes = { readonly [Key in keyof Facts]: readonly Facts[Key][] };

function* combinations(axes: Axes): Iterable<Facts> {
  let all: Partial<Facts>[] = [{}];
  for (const [key, values] of Object.entries(axes)) {
    all = all.flatMap((facts) => values.map((value) => ({ ...facts, [key]: value })));
  }
  yield* all as Facts[];
}

function isAllowed(policy: PolicyEngine, facts: Facts): boolean {
  const { dataClass, to, from, mechanism, assessed, ...stated } = facts;
  const known = Object.entries(stated).filter(([, value]) => value !== undefined);
  const held = [mechanism, assessed && "assessment"].filter((one) => one !== undefined);
  const instruments = held.map((one) => ({
    ...{ mechanism: one as (typeof mechanisms)[number], countries: [to] },
    until: "2027-01-01T00:00:00Z",
  }));
  const data = {
    ...dataSet(dataClass, []),
    terms: { ...Object.fromEntries(known), instruments } as Terms,
  };
  const asked = { dataSet: data, at, counts: { personsThisYear: 0 } };
  if (from === "run") {
    const host = { name: "h", place: place(to, "private") };
    return policy.runOn({ ...asked, job: job({ dataSet: "digits" }), host }).allowed;
  }
  const leaving = { destinationCountry: to, fromCountry: from, what: "output" } as const;
  return policy.exportTo({ ...asked, ...leaving }).allowed;
}

const isPersonal = ({ dataClass }: Facts) => dataClass === "personal" || dataClass === "sensitive";
const leaves = ({ origin, from, to }: Facts, here: readonly string[]) =>
  !here.includes(to) && [origin, from].some((one) => one !== undefined && here.includes(one));
const isOneOf = (mechanism: string | undefined, named: string) =>
  mechanism !== undefined && named.split(" ").includes(mechanism);
const isStated = ({ origin, from }: Facts) => origin !== undefined && from !== undefined;

const protectedClasses = ["internal", "personal", "sensitive"] as const;
const frequency = [undefined, true, false];

/** Each law in other words, and the combinations that it is tried on. */
const laws: Readonly<Record<(typeof codes)[number], [Axes, (facts: Facts) => boolean]>> = {
  sg: [
    {
      ...{ dataClass: protectedClasses, origin: [undefined, "SG", "CL"], to: ["SG", "DE"] },
      ...{ from: ["run", undefined, "SG", "CL"], transit: frequency },
      mechanism: [undefined, "law", "contract", "certification", "consent", "adequacy"],
    },
    (facts) =>
      !isPersonal(facts) ||
      (isStated(facts) &&
        (!leaves(facts, ["SG"]) ||
          facts.transit === true ||
          isOneOf(facts.mechanism, "law contract clauses bcr instrument certification consent"))),
  ],
  cl: [
    {
      ...{ dataClass: protectedClasses, origin: [undefined, "CL", "SG"], to: ["CL", "DE"] },
      ...{ from: ["run", undefined, "CL", "SG"], habitual: frequency },
      mechanism: [undefined, "adequacy", "clauses", "certification", "consent", "contract"],
    },
    (facts) =>
      !isPersonal(facts) ||
      (isStated(facts) &&
        (!leaves(facts, ["CL"]) ||
          isOneOf(facts.mechanism, "adequacy clauses bcr certification") ||
          (facts.habitual === false && isOneOf(facts.mechanism, "consent payment exception")))),
  ],
  eu: [
    {
      ...{ dataClass: protectedClasses, origin: [undefined, "FR", "US"], to: ["IS", "US"] },
      ...{ from: ["run", undefined, "FR"], habitual: frequency, assessed: [undefined, true] },
      mechanism: [undefined, "adequacy", "clauses", "exception", "contract"],
    },
    (facts) =>
      !isPersonal(facts) ||
      (isStated(facts) &&
        (!leaves(facts, ["FR", "IS"]) ||
          facts.mechanism === "adequacy" ||
          (isOneOf(facts.mechanism, "clauses bcr code certification") && facts.assessed === true) ||
          (facts.mechanism === "exception" && facts.habitual === false))),
  ],
  cn: [
    {
      ...{ dataClass: protectedClasses, origin: [undefined, "CN", "DE"], to: ["DE", "SG"] },
      ...{ from: [undefined, "CN"], mechanism: [undefined, "contract", "security-assessment"] },
      ...{ importantData: frequency, criticalOperator: [undefined, false] },
      ...{ domesticAdded: [undefined, false], persons: [undefined, 9_999, 1_000_000] },
    },
    isLawfulInChina,
  ],
};

function isLawfulInChina(facts: Facts): boolean {
  const { dataClass, origin, to, mechanism, importantData, persons } = facts;
  if (!isStated(facts)) return false;
  if (!leaves(facts, ["CN"]) || mechanism === "security-assessment") return true;
  if (importantData !== false) return false;
  if (dataClass === "internal") return true;
  if (origin !== "CN" && origin === to && facts.domesticAdded === false) return true;
  if (facts.criticalOperator !== false) return false;
  if (origin !== "CN" || persons === undefined || persons >= 1_000_000) return false;
  return dataClass === "personal" || mechanism === "contract";
}

t.test(
  "each clause has its cases, and they hold beside the rules that come with Quipu",
  async (t) => {
    for (const code of codes) {
      const pack = join(folder, `${code}.cedar`);
      const policy = loadPolicy(await readPolicyFiles(["deploy/policy", pack]));
      const results = await runCases(join(folder, `${code}.cases.yaml`), policy);
      t.same(
        results.filter(({ passed }) => !passed),
        [],
        `${code}: ${results.length} cases`,
      );
      const expected = new Set(results.map((one) => one.expected));
      for (const { id, effect, review, law } of alone(code).rules.values()) {
        if (id === "x.any") continue;
        t.equal(effect, "forbid", `${id} allows nothing`);
        t.ok(expected.has(id) && review && law, `${id} has a case, a law and a day of review`);
      }
    }
  },
);

for (const code of codes) {
  t.test(`${code}: every combination of facts is as the law says in other words`, async (t) => {
    const policy = alone(code);
    const [axes, isLawful] = laws[code];
    const verdicts = new Map<string, boolean>();
    const wrong: string[] = [];
    for (const facts of combinations(axes)) {
      const allowed = isAllowed(policy, facts);
      verdicts.set(JSON.stringify(facts), allowed);
      if (allowed !== isLawful(facts)) wrong.push(`${allowed} ${JSON.stringify(facts)}`);
    }
    t.same(wrong.slice(0, 3), [], `${verdicts.size} combinations`);
    const helped: string[] = [];
    for (const facts of combinations(axes)) {
      if (verdicts.get(JSON.stringify(facts))) continue;
      for (const key of Object.keys(facts)) {
        const less = JSON.stringify({ ...facts, [key]: undefined });
        if (verdicts.get(less)) helped.push(`${key} of ${JSON.stringify(facts)}`);
      }
    }
    t.same(helped.slice(0, 3), [], "no fact that is left out makes lawful what is not");
  });
}

t.test("a pack never allows what was refused, whatever is asked", async (t) => {
  const packs = Object.fromEntries(codes.map((code) => [`${code}.cedar`, packText(code)]));
  const packed = loadPolicy({ "base.cedar": baseText, ...packs });
  const terms: fc.Arbitrary<Terms> = fc.record(
    {
      origin: fc.constantFrom("CN", "DE", "SG", "CL"),
      persons: fc.constantFrom(0, 99_999, 1_000_000),
      importantData: fc.boolean(),
      criticalOperator: fc.boolean(),
      transit: fc.boolean(),
      habitual: fc.boolean(),
      instruments: fc.array(
        fc.record({
          mechanism: fc.constantFrom(...mechanisms),
          countries: fc.constant(["SG", "DE"]),
          until: fc.constantFrom("2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        }),
        { maxLength: 3 },
      ),
    },
    { requiredKeys: [] },
  );
  const seen = { refused: 0, more: 0, allowed: 0 };
  const judge = (before: boolean, after: boolean) => {
    seen[after ? "allowed" : before ? "more" : "refused"] += 1;
    return before || !after;
  };
  fc.assert(
    fc.property(anyCase, terms, (one, stated) => {
      const data = one.data && { ...one.data, terms: stated };
      const asked = { job: jobOf(one), dataSet: data, at, counts: { personsThisYear: 0 } };
      return one.fleet.every((host) => {
        const leave = { ...asked, destinationCountry: host.place.country, fromCountry: "SG" };
        const exported = { ...leave, what: "output" } as const;
        return (
          judge(base.runOn({ ...asked, host }).allowed, packed.runOn({ ...asked, host }).allowed) &&
          judge(base.exportTo(exported).allowed, packed.exportTo(exported).allowed)
        );
      });
    }),
    { numRuns: 100 },
  );
  t.ok(seen.refused > 20 && seen.more > 20 && seen.allowed > 20, JSON.stringify(seen));
  t.equal(ruleOf(packed.exportTo({ destinationCountry: "SG", what: "artifact", at })), "allowed");
});

t.test("the digest of a set covers every word of it but comments", async (t) => {
  const digestOf = (text: string, settings = "{}") =>
    loadPolicy({ "pack.cedar": text, [settingsFile]: settings }).digest;
  const text = packText("eu");
  const digest = digestOf(text);
  t.equal(digestOf(text.replace(/^\/\/.*\n/gm, "")), digest, "comments say nothing");
  const changes: [string, string][] = [
    ["2026-11-26", "2026-11-27"],
    ["2027-11-26", "2027-11-27"],
    ["chapter V", "chapter VI"],
    ["cnpd.public.lu", "cnpd.lu"],
    ["eu.origin", "eu.birth"],
    ["may be of", "is of"],
    ['"LI", "NO"', '"LI"'],
  ];
  for (const [from, to] of changes) {
    t.ok(text.includes(from), `${from} is in the pack`);
    t.not(digestOf(text.replace(from, to)), digest, `${from} is covered`);
  }
  t.not(digestOf(text, '{ "stale": "warn" }'), digest, "settings are covered");
  t.equal(digestOf(text, '{ "stale": "refuse" }'), digest, "and a default is what it says");
});
