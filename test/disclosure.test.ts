/** Some fields of a receipt shown without the others: what is made, what is refused, and what stays hidden. */
import fc from "fast-check";
import t from "tap";
import { fromBase64, sha256, toBase64, toHex } from "../src/base/bytes.js";
import { canonicalBytes, canonicalJson } from "../src/base/canonical-json.js";
import { nativeSha256Many } from "../src/compute/native/sha256-many.js";
import { newSigner } from "../src/io/identity/signer.js";
import { fieldGroups, fieldNames } from "../src/model/disclosure.js";
import type { RunFacts } from "../src/model/run.js";
import { jobBuildType, type Statement, statementType } from "../src/model/statement.js";
import { parseBundle } from "../src/proof/receipt/bundle.js";
import { fieldLeaf, fieldTree, sealDisclosure } from "../src/proof/receipt/disclosure.js";
import {
  askedFields,
  disclosureFile,
  parseDisclosureFile,
} from "../src/proof/receipt/disclosure-file.js";
import { parseEnvelope, sealPayload } from "../src/proof/receipt/envelope.js";
import { buildStatement, parseStatement } from "../src/proof/receipt/statement.js";
import { leafHash } from "../src/proof/tlog/hash.js";
import { smallTree } from "../src/proof/tlog/small-tree.js";
import { verifyDisclosure } from "../src/proof/verify/disclosure.js";
import { parseExpectation } from "../src/proof/verify/expect.js";
import { verifyReceipt } from "../src/proof/verify/receipt.js";
import { trustBeside } from "../src/proof/verify/trust.js";
import { files, trust, verdict } from "./disclosure-verdict.js";
import { text } from "./golden-receipt.js";
import { goldenSeed, makeReceipt, receiptFacts } from "./receipt-vectors.js";

const golden = (name: string): Uint8Array =>
  files.find((file) => file.name === name)?.content ?? new Uint8Array();

const file = golden("digits.disclosure.json");

interface Open {
  mediaType: string;
  dsseEnvelope: { payload: string; signatures: [{ keyid: string; sig: string }] };
  verificationMaterial: { tlogEntries: [{ canonicalizedBody: string; [name: string]: unknown }] };
  fields: { name: string; value: unknown; salt: string; hashes: string[] }[];
}

/** The file after a change of its values. */
function changed(change: (value: Open) => unknown): Uint8Array {
  const value = JSON.parse(text(file)) as Open;
  change(value);
  return canonicalBytes(value);
}

/** A receipt of one's own with its key, and what it takes to show fields of it. */
async function made(facts: RunFacts = receiptFacts, seed = goldenSeed) {
  const signer = newSigner("ecdsa-p256-sha256");
  const { files: receipt } = await makeReceipt(facts, undefined, signer);
  const bundle = parseBundle(receipt[0]?.content ?? new Uint8Array());
  const opened = { envelope: bundle.envelope, statement: parseStatement(bundle.envelope.payload) };
  const { envelope } = sealDisclosure(opened, seed, signer);
  const beside = { ...bundle, envelope: parseEnvelope(envelope) };
  const show = (names: readonly string[]) =>
    disclosureFile(beside, opened, seed, askedFields(names));
  return { trust: trustBeside(receipt), opened, beside, seed, show, signer };
}

t.test(
  "the golden disclosure shows place, time and amount, and its tree is made again",
  async (t) => {
    const report = verifyDisclosure(file, trust);
    t.match(report, { ok: true, trust: "beside", logIndex: 6, treeSize: 11 });
    t.equal(report.statement, undefined);
    const shown = Object.fromEntries(report.shown?.fields ?? []);
    const asked = [...askedFields(["place", "time", "amount"])].sort();
    t.same(Object.keys(shown).sort(), asked);
    t.match(shown, {
      "host.place.country": "SG",
      "usage.wallMs": 1250,
      "host.place.operator": null,
    });
    const { envelope } = parseBundle(golden("digits.sigstore.json"));
    const statement = parseStatement(envelope.payload);
    const { seed, root, leaves } = JSON.parse(text(golden("tree.json")));
    t.equal(seed, toHex(goldenSeed));
    const { fields, tree } = fieldTree(statement, goldenSeed);
    t.equal(toHex(tree.root), root);
    t.same(
      fields.map((one) => {
        return { name: one.name, salt: toBase64(one.salt), hash: toHex(leafHash(fieldLeaf(one))) };
      }),
      leaves,
    );
    const byAddon = fieldTree(statement, goldenSeed, nativeSha256Many()).tree;
    t.equal(toHex(byAddon.root), root, "hashed by the addon");
    t.ok(verifyReceipt(golden("digits.sigstore.json"), trust).ok, "and so is its receipt");
    t.equal(verifyReceipt(file, trust).firstFailed?.name, "bundle", "for which it cannot be taken");
  },
);

t.test("all fields together are the whole receipt", async (t) => {
  const failed: RunFacts = {
    ...receiptFacts,
    outcome: "failed",
    failure: { code: "DATA_CHANGED", kind: "terminal", message: "other bytes" },
  };
  for (const facts of [receiptFacts, { ...failed, result: undefined } as unknown as RunFacts]) {
    const statement = JSON.parse(JSON.stringify(buildStatement(facts))) as Statement;
    const again: Record<string, unknown> = {
      _type: statementType,
      predicateType: statement.predicateType,
      subject: statement.subject,
      predicate: {},
    };
    const set = (path: string, value: unknown): void => {
      const steps = path.split(".");
      let at = again.predicate as Record<string, unknown>;
      for (const step of steps.slice(0, -1)) {
        at[step] ??= {};
        at = at[step] as Record<string, unknown>;
      }
      at[steps.at(-1) ?? ""] = value;
    };
    const { fields } = fieldTree(statement, goldenSeed);
    for (const { name, value } of fields)
      if (name !== "subject" && value !== null) set(name, value);
    const { run, host } = statement.predicate;
    set("buildDefinition.buildType", jobBuildType);
    set("runDetails.builder.id", `https://quipu.dev/agent/${host.name}`);
    set("runDetails.metadata.invocationId", run.id);
    t.equal(canonicalJson(again), canonicalJson(statement));
  }
});

t.test("no change of a bit is accepted", (t) => {
  const accepted: string[] = [];
  const small = changed((value) => value.fields.splice(1));
  t.equal(verdict(small), "ok", "fewer fields may be handed on");
  for (const [bytes, bits] of [
    [file, [0]],
    [small, [1, 2, 3, 4, 5, 6, 7]],
  ] as const) {
    for (let at = 0; at < bytes.length; at += 1) {
      for (const bit of bits) {
        const copy = new Uint8Array(bytes);
        copy[at] = (copy[at] as number) ^ (1 << (bit === 0 ? at % 8 : bit));
        if (verdict(copy) === "ok") accepted.push(`${at}.${bit}`);
      }
    }
  }
  t.same(accepted, []);
  t.end();
});

t.test("a field is where it is, what it is, and shown once", (t) => {
  const [country, zone] = ["host.place.country", "host.place.zone"];
  const hash = toBase64(new Uint8Array(32));
  const path = JSON.parse(text(file)).fields.find(({ name }: { name: string }) => name === zone)
    .hashes as string[];
  for (const [name, part, why] of [
    [country, { value: "CL" }, /^fields: host.place.country with/],
    [country, { value: 7 }, /^fields: host.place.country is not/],
    [country, { value: null }, /^fields: host.place.country is not/],
    ["usage.cpuMs", { name: "usage.deviceMs" }, /^bundle: .*twice/],
    [zone, { name: country }, /^bundle: .*twice/],
    [zone, { name: "host.name" }, /^bundle: .*order/],
    [zone, { name: "host.planet" }, /^bundle: .*"host.planet" is no field/],
    ["host.clock", { name: "host.evidence" }, /^bundle: .*twice/],
    ["usage.outputBytes", { name: "privacy" }, /^fields: privacy is not/],
    [zone, { salt: toBase64(new Uint8Array(15)) }, /^fields: the salt of host.place.zone/],
    [zone, { salt: toBase64(new Uint8Array(16)) }, /^fields: host.place.zone with/],
    [zone, { salt: "AAA" }, /^bundle: .*base64/],
    [zone, { hashes: path.slice(1) }, /^fields: host.place.zone/],
    [zone, { hashes: [...path, hash] }, /^fields: host.place.zone/],
    [zone, { hashes: Array(17).fill(hash) }, /^bundle: .*too long/],
    [zone, { note: "" }, /^bundle: .*unknown/],
  ] as const) {
    const bytes = changed(({ fields }) => {
      Object.assign(fields.find((field) => field.name === name) ?? {}, part);
    });
    t.match(verdict(bytes), why);
  }
  for (const part of ["value", "salt", "hashes"] as const) {
    const bytes = changed(({ fields }) => {
      const [one = fields[0], other = fields[0]] = fields.slice(-3);
      const [first, second] = [one?.[part], other?.[part]];
      Object.assign(one ?? {}, { [part]: second });
      Object.assign(other ?? {}, { [part]: first });
    });
    t.match(verdict(bytes), /^fields: usage.cpuMs with/, `each has the other's ${part}`);
  }
  for (const [change, why] of [
    [({ fields }) => fields.push(...fields.slice(0, 1)), /^bundle: .*twice/],
    [({ fields }) => fields.reverse(), /^bundle: .*order/],
    [({ fields }) => fields.splice(0), /^bundle: .*shows none/],
    [(value) => Object.assign(value, { note: "" }), /^bundle: .*unknown/],
    [(value) => Object.assign(value, { mediaType: "application/json" }), /^bundle/],
  ] as [(value: Open) => unknown, RegExp][]) {
    t.match(verdict(changed(change)), why);
  }
  const spaced = new TextEncoder().encode(`${text(file)}\n`);
  t.match(verdict(spaced), /^bundle: .*canonical/);
  t.match(verdict(new Uint8Array(3_000_000)), /^bundle: .*bytes are more/);
  t.end();
});

t.test("tree, receipt and log entry belong together, by one key that stands", async (t) => {
  const [mine, other] = [await made(), await made({ ...receiptFacts, epoch: 3 })];
  const both = {
    ...mine.trust,
    receiptKeys: [...mine.trust.receiptKeys, ...other.trust.receiptKeys],
  };
  const shown = askedFields(["place"]);
  const { opened, beside, seed, signer } = mine;
  const show = (bundle: typeof beside, seed_ = seed) =>
    disclosureFile(bundle, opened, seed_, shown);
  t.equal(verdict(await show(beside), mine.trust), "ok");
  const { entry, proof, logKeyId } = other.beside;
  const twin = { ...other.trust, receiptKeys: both.receiptKeys };
  t.match(
    verdict(await show({ ...beside, entry, proof, logKeyId }), twin),
    /^entry: .*another receipt/,
  );
  t.match(verdict(await show({ ...beside, entry }), mine.trust), /^entry/);
  t.match(verdict(await show(beside, new Uint8Array(32)), mine.trust), /^fields: .*no leaf/);
  const theirs = parseEnvelope(sealPayload(beside.envelope.payload, other.signer));
  t.match(verdict(await show({ ...beside, envelope: theirs }), both), /^entry: .*another key/);
  t.match(verdict(await show({ ...beside, envelope: theirs }), mine.trust), /^key/);
  const notHosts = { ...mine.trust, receiptKeys: [], noticeKeys: mine.trust.receiptKeys };
  t.match(verdict(await show(beside), notHosts), /^key: .*a coordinator's/);
  const renamed = { ...theirs, keyId: beside.envelope.keyId };
  t.match(verdict(await show({ ...beside, envelope: renamed }), mine.trust), /^signature/);

  const resealed = (statementPart: object, predicatePart: object = {}) => {
    const statement = JSON.parse(text(beside.envelope.payload));
    const predicate = { ...statement.predicate, ...predicatePart };
    const payload = canonicalBytes({ ...statement, predicate, ...statementPart });
    return show({ ...beside, envelope: parseEnvelope(sealPayload(payload, signer)) });
  };
  for (const [statementPart, predicatePart] of [
    [{}, { leaves: fieldNames.length - 1 }],
    [{}, { leaves: 64 }],
    [{}, { root: "" }],
    [{}, { country: "SG" }],
    [{ predicateType: "https://quipu.dev/disclosure/v2" }],
    [{ subject: [] }],
  ] as const) {
    const bytes = await resealed(statementPart, predicatePart);
    t.match(verdict(bytes, mine.trust), /^statement: not an acceptable disclosure/);
  }
  const larger = smallTree([
    ...fieldTree(opened.statement, seed).fields.map(fieldLeaf),
    new Uint8Array(),
  ]);
  const grown = await resealed({}, { root: toHex(larger.root) });
  t.match(verdict(grown, mine.trust), /^fields: .*no leaf/, "a tree of another size");
  t.match(verdict(await show(beside), { ...mine.trust, logKeys: [] }), /^checkpoint/);
});

t.test("what is expected of a disclosure counts as far as it is shown", async (t) => {
  const facts: RunFacts = {
    ...receiptFacts,
    place: { ...receiptFacts.place, gradeUntil: "2026-11-23T03:00:01Z" },
  };
  const { trust: known, show } = await made(facts);
  const ask = async (fields: readonly string[], ...expected: readonly string[]) =>
    verdict(await show(fields), known, { expected: expected.map(parseExpectation) });
  t.equal(await ask(["place"], "country=SG", "zone=sg-west", "site=private"), "ok");
  t.match(await ask(["place"], "country=DE"), /^expected: .*says SG/);
  t.match(await ask(["time"], "country=SG"), /^expected: .*says nothing/);
  t.match(
    await ask(["place", "time"], "grade=operator-asserted"),
    /^expected: .*claimed/,
    "it was over",
  );
  t.match(await ask(["host.place.grade"], "grade=operator-asserted"), /claimed/, "it may be over");
  t.equal(await ask(["host.place.grade"], "grade=claimed"), "ok");
  const plain = await made();
  const grade = { expected: [parseExpectation("grade=operator-asserted")] };
  t.equal(verdict(await plain.show(["place"]), plain.trust, grade), "ok");
  const data = ["buildDefinition.resolvedDependencies", "execution.devices", "subject"];
  const content = await plain.show(data);
  const expected = ["dataset=digits", "device=cpu"].map(parseExpectation);
  const digest = `sha256:${"a1".repeat(32)}` as const;
  const outputs = [{ name: "predictions.npy", digest }];
  t.equal(verdict(content, plain.trust, { expected, outputs }), "ok");
  t.match(
    verdict(await plain.show(["time"]), plain.trust, { outputs }),
    /^outputs: .*does not show/,
  );
  const wrong = [{ name: "predictions.npy", digest: `sha256:${"a2".repeat(32)}` as const }];
  t.match(verdict(content, plain.trust, { outputs: wrong }), /^outputs/);
});

t.test("what is asked for is known, and never all that cannot be guessed", (t) => {
  t.same([...askedFields(["time", "host.clock"])], fieldGroups.time);
  for (const asked of [
    [],
    ["places"],
    ["constructor"],
    ["host"],
    ["run.id", "runDetails.byproducts"],
  ]) {
    t.throws(() => askedFields(asked), { code: "INVALID_ARGUMENT" });
  }
  t.end();
});

const names = fieldNames.filter((name) => name !== "run.id");

t.test("what is not shown is not in the file, and trying all values finds nothing", async (t) => {
  const { show, opened, seed, trust: known } = await made();
  const { fields } = fieldTree(opened.statement, seed);
  await fc.assert(
    fc.asyncProperty(fc.subarray(names, { minLength: 1 }), async (asked) => {
      const content = await show(asked);
      const { fields: shown } = parseDisclosureFile(content);
      if (!verifyDisclosure(content, known).ok || shown.length !== asked.length) return false;
      const all = text(content);
      const hashes = new Set(shown.flatMap((field) => field.hashes.map(toHex)));
      const salts = [new Uint8Array(16), ...shown.map(({ salt }) => salt)];
      return fields.every((field) => {
        if ((asked as string[]).includes(field.name)) return true;
        const { name, value } = field;
        const tries = [canonicalBytes(value), canonicalBytes([name, value])];
        for (const salt of salts) tries.push(fieldLeaf({ name, value, salt }));
        const found = tries.some(
          (bytes) => hashes.has(toHex(sha256(bytes))) || hashes.has(toHex(leafHash(bytes))),
        );
        return !found && !all.includes(toBase64(field.salt)) && !all.includes(toBase64(seed));
      });
    }),
    { numRuns: 40 },
  );
  const again = await made(receiptFacts, new Uint8Array(32).fill(9));
  const [one, two] = [fields, fieldTree(again.opened.statement, again.seed).fields];
  t.ok(one.every((field, i) => toHex(field.salt) !== toHex(two[i]?.salt ?? new Uint8Array())));
  t.equal(new Set(one.map(({ salt }) => toHex(salt))).size, fieldNames.length, "all salts differ");
  t.equal(fromBase64(JSON.parse(text(file)).fields[0].salt).length, 16);
});
