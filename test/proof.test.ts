/** Receipts from facts to report: golden bytes, every change refused, keys and grants. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import { canonicalBytes } from "../src/base/canonical-json.js";
import type { Context } from "../src/cli/context.js";
import { action } from "../src/cli/receipt/export.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { RunFacts } from "../src/model/run.js";
import { parseBundle, receiptFiles } from "../src/proof/receipt/bundle.js";
import {
  entryOf,
  envelopeJson,
  openEnvelope,
  preAuthEncoding,
  receiptKeyId,
  sealEnvelope,
} from "../src/proof/receipt/envelope.js";
import { buildStatement, parseStatement } from "../src/proof/receipt/statement.js";
import { checkInclusion } from "../src/proof/tlog/check.js";
import { signCheckpoint } from "../src/proof/tlog/checkpoint.js";
import { leafHash } from "../src/proof/tlog/hash.js";
import { parseProofFile } from "../src/proof/tlog/proof-file.js";
import { verifierKeyOf } from "../src/proof/tlog/verifier-key.js";
import { checkDecision } from "../src/proof/verify/decision.js";
import { parseExpectation } from "../src/proof/verify/expect.js";
import { type Questions, verifyReceipt } from "../src/proof/verify/receipt.js";
import type { CheckName } from "../src/proof/verify/steps.js";
import { trustBeside } from "../src/proof/verify/trust.js";
import { brokenPayloads, changedStatements } from "./changed-statements.js";
import { golden, text, trust } from "./golden-receipt.js";
import { makeReceiptVectors } from "./receipt-vectors.js";

const made = await makeReceiptVectors();
const [publicKey = new Uint8Array(0)] = trust.receiptKeys;
const facts = JSON.parse(new TextDecoder().decode(golden("facts.json"))) as RunFacts;
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

t.test("golden bytes", async (t) => {
  const fresh = new Map(made.map(({ name, content }) => [name, text(content)]));
  for (const name of ["facts.json", "statement.json"]) {
    t.equal(fresh.get(name), text(golden(name)), `${name} is what its maker makes`);
  }
  const trustInFresh = trustBeside(made);
  const bundle0 = made.find(({ name }) => name === "digits.sigstore.json");
  t.ok(verifyReceipt(bundle0?.content ?? new Uint8Array(0), trustInFresh).ok);
  const statement = buildStatement(facts);
  t.equal(text(canonicalBytes(statement)), text(golden("statement.json")));
  t.same(openEnvelope(golden("envelope.json"), publicKey), statement);
  t.equal(text(entryOf(golden("envelope.json"), publicKey)), text(golden("entry.json")));
  const bundle = parseBundle(golden("digits.sigstore.json"));
  t.equal(text(bundle.entry), text(golden("entry.json")));
  const proof = parseProofFile(text(golden("digits.tlog-proof")));
  t.same(proof.checkpoint, bundle.proof.checkpoint);
  t.ok(checkInclusion({ ...bundle.proof, ...proof, leafHash: leafHash(bundle.entry) }));
  const [logKey] = trust.logKeys;
  if (logKey === undefined) throw new Error("no log key");
  const files = receiptFiles("digits", golden("envelope.json"), publicKey, bundle.proof, {
    verifierKey: logKey,
  });
  for (const { name, content } of files) t.equal(text(content), text(golden(name)), name);
  t.equal(files.length, 4);
  const report = verifyReceipt(golden("digits.sigstore.json"), trust);
  t.same([report.ok, report.trust, report.logIndex, report.treeSize], [true, "beside", 6, 11]);
  t.same(report.statement, statement);
});

t.test("the statement keeps every fact", async (t) => {
  const { predicate, subject } = buildStatement(facts);
  t.same(predicate.buildDefinition.externalParameters.job, facts.job);
  t.equal(predicate.buildDefinition.resolvedDependencies.length, 2);
  t.same(predicate.usage, facts.usage);
  const { host: name, place, clock } = facts;
  t.same(predicate.host, { name, place, evidence: [], clock });
  t.equal(predicate.priceBookDigest, facts.priceBookDigest);
  t.same(
    subject.map(({ name }) => name),
    ["predictions.npy", "größe ∑.txt"],
  );
  const { result: _, dataSet: __, ...rest } = facts;
  const failure = { code: "DATA_CHANGED", kind: "terminal", message: "it changed \ud800" } as const;
  const failed = buildStatement({
    ...rest,
    outcome: "failed",
    failure: { ...failure, details: { path: "/x" } },
  });
  t.same(failed.subject, [{ name: "job", digest: { sha256: facts.jobDigest.slice(7) } }]);
  t.same(failed.predicate.run.failure, { code: "DATA_CHANGED", message: "it changed \ufffd" });
  const signer = newSigner("ecdsa-p256-sha256");
  const sealed = sealEnvelope(buildStatement({ ...rest, outcome: "cancelled", failure }), signer);
  t.equal(openEnvelope(sealed, signer.publicKey).predicate.run.outcome, "cancelled");
  const base = buildStatement(facts);
  const large = {
    ...base,
    predicate: {
      ...base.predicate,
      usage: { ...base.predicate.usage, inputBytes: `${2n ** 60n}` },
      privacy: { mechanism: "gaussian", epsilon: "0.5", delta: "0.00001" },
    },
  };
  const again = openEnvelope(sealEnvelope(large, signer), signer.publicKey);
  t.same(again, large, "what no JSON number holds stays exact");
  t.throws(() => sealEnvelope(buildStatement({ ...facts, epoch: 0 }), signer), {
    code: "VERIFICATION_FAILED",
  });
  t.throws(() => sealEnvelope(buildStatement(facts), newSigner("ed25519")), {
    code: "INVALID_ARGUMENT",
  });
});

t.test("a receipt is asked what it must say, and which files it is about", async (t) => {
  const bundle = golden("digits.sigstore.json");
  const ask = (questions: Questions) => verifyReceipt(bundle, trust, questions);
  const { host, place, dataSet, result } = facts;
  const said = [`country=${place.country}`, `host=${host}`, `dataset=${dataSet?.name}`];
  const good = ask({ expected: said.map(parseExpectation) });
  t.match(good, { ok: true, checks: [{}, {}, {}, {}, {}, {}, {}, { name: "expected" }] });
  for (const other of ["country=DE", "dataset=others", "grade=hardware-attested", "operator=x"]) {
    const report = ask({ expected: [parseExpectation(`host=${host}`), parseExpectation(other)] });
    t.match(report, {
      ok: false,
      firstFailed: { name: "expected", text: `${other} was expected` },
    });
  }
  t.ok(ask({ expected: [parseExpectation("grade=claimed")] }).ok, "a better grade will do");
  t.throws(() => parseExpectation("colour=red"), { code: "INVALID_ARGUMENT" });
  t.throws(() => parseExpectation("country"), { code: "INVALID_ARGUMENT" });

  const [output] = result?.outputs ?? [];
  if (output === undefined) throw new Error("no output");
  const held = { name: output.name, digest: output.digest };
  t.match(ask({ outputs: [held] }), { ok: true });
  const other = { ...held, digest: facts.jobDigest };
  t.match(ask({ outputs: [other] }), { firstFailed: { name: "outputs", text: /receipt says/ } });
  const stranger = { ...held, name: "job" };
  t.match(ask({ outputs: [stranger] }), { firstFailed: { text: "job is no output of this run" } });

  const signer = newSigner("ecdsa-p256-sha256");
  const decisionOf = (change: object) => {
    const { jobDigest, policyDigest, priceBookDigest } = facts;
    const outcome = { kind: "placed", host };
    return canonicalBytes({ jobDigest, policyDigest, priceBookDigest, outcome, ...change });
  };
  const about = (decision: Uint8Array) => {
    const decisionDigest = digestOf(decision);
    const statement = openEnvelope(
      sealEnvelope(buildStatement({ ...facts, decisionDigest }), signer),
      signer.publicKey,
    );
    return () => checkDecision(statement, decision);
  };
  t.match(about(decisionOf({}))(), host);
  t.throws(about(decisionOf({ jobDigest: facts.policyDigest })), /another job/);
  t.throws(about(decisionOf({ policyDigest: facts.jobDigest })), /other rules/);
  t.throws(about(decisionOf({ priceBookDigest: facts.jobDigest })), /another price book/);
  t.throws(about(decisionOf({ outcome: { kind: "placed", host: "x" } })), /did not put the run/);
  t.throws(about(decisionOf({ outcome: { kind: "refused" } })), /did not put the run/);
  t.throws(about(bytes("null")), { code: "VERIFICATION_FAILED" });
  const wrong = ask({ decision: decisionOf({}) });
  t.match(wrong, { ok: false, firstFailed: { name: "decision", text: /has digest/ } });
});

t.test("one changed bit anywhere in a bundle is refused", async (t) => {
  const bundle = golden("digits.sigstore.json");
  const accepted: number[] = [];
  const failures = new Set<CheckName>();
  for (let at = 0; at < bundle.length; at += 7) {
    const changed = new Uint8Array(bundle);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    const report = verifyReceipt(changed, trust);
    if (report.ok) accepted.push(at);
    else failures.add(report.firstFailed?.name ?? "bundle");
  }
  t.same(accepted, []);
  t.same([...failures].sort(), ["bundle", "checkpoint", "entry", "inclusion", "signature"]);
});

/** Signs any payload, right or wrong, as a host would. */
function sealPayload(payload: Uint8Array, signer = newSigner("ecdsa-p256-sha256")) {
  const signature = signer.sign(preAuthEncoding(payload));
  const keyId = receiptKeyId(signer.publicKey);
  return { sealed: canonicalBytes(envelopeJson({ payload, keyId, signature })), signer };
}

t.test("a validly signed statement that breaks a rule is refused", async (t) => {
  const signer = newSigner("ecdsa-p256-sha256");
  const accepts = (payload: Uint8Array): boolean => {
    try {
      openEnvelope(sealPayload(payload, signer).sealed, signer.publicKey);
      return true;
    } catch (thrown) {
      t.equal((thrown as { code?: string }).code, "VERIFICATION_FAILED");
      return false;
    }
  };
  t.ok(accepts(golden("statement.json")));
  const inJob = /externalParameters\/job\//;
  const wrong: string[] = [];
  let cases = 0;
  for (const [path, changed] of changedStatements(golden("statement.json"))) {
    cases += 1;
    if (accepts(changed) && !inJob.test(path)) wrong.push(path);
  }
  t.same(wrong, []);
  t.ok(cases > 200, `${cases} cases`);
  for (const [what, bad] of Object.entries(brokenPayloads(text(golden("statement.json"))))) {
    t.throws(() => parseStatement(bytes(bad)), { code: "VERIFICATION_FAILED" }, what);
  }
  const notText = Uint8Array.from([...golden("statement.json").slice(0, -1), 0xff, 0x7d]);
  t.throws(() => parseStatement(notText), { code: "VERIFICATION_FAILED" }, "not UTF-8");
});

t.test("envelopes are read strictly", async (t) => {
  const envelope = JSON.parse(text(golden("envelope.json")));
  const [signature] = envelope.signatures;
  for (const [what, bad] of Object.entries({
    "two signatures": { ...envelope, signatures: [signature, signature] },
    none: { ...envelope, signatures: [] },
    "another type": { ...envelope, payloadType: "text/plain" },
    "an unknown field": { ...envelope, extra: 1 },
    "no key id": { ...envelope, signatures: [{ sig: signature.sig }] },
    "loose base64": { ...envelope, payload: `${envelope.payload}\n` },
    "a number": 7,
    null: null,
  })) {
    t.throws(
      () => openEnvelope(canonicalBytes(bad), publicKey),
      { code: "VERIFICATION_FAILED" },
      what,
    );
  }
  const other = newSigner("ecdsa-p256-sha256").publicKey;
  t.throws(() => openEnvelope(golden("envelope.json"), other), { code: "VERIFICATION_FAILED" });
  t.throws(() => entryOf(golden("envelope.json"), other), { code: "VERIFICATION_FAILED" });
});

t.test("the report names the first thing wrong", async (t) => {
  const bundle = golden("digits.sigstore.json");
  const first = (content: Uint8Array, with_ = trust): string | undefined =>
    verifyReceipt(content, { ...with_, source: "pinned" }).firstFailed?.name;
  const parsed = parseBundle(bundle);
  const logSigner = newSigner("ed25519");
  const stranger = verifierKeyOf(logSigner, "log.example.com/quipu");
  const [logKey] = trust.logKeys;
  if (logKey === undefined) throw new Error("no log key");
  const rebuild = (envelope: Uint8Array, key: Uint8Array, proof = parsed.proof): Uint8Array =>
    receiptFiles("x", envelope, key, proof, { verifierKey: logKey })[0]?.content ??
    new Uint8Array(0);
  t.equal(first(bundle), undefined);
  t.equal(first(bytes("{}")), "bundle");
  t.equal(first(new Uint8Array(0)), "bundle");
  t.equal(first(bundle, { ...trust, receiptKeys: [] }), "key");
  t.equal(first(bundle, { ...trust, logKeys: [stranger] }), "checkpoint");
  const other = newSigner("ecdsa-p256-sha256");
  const swapped = sealEnvelope(buildStatement({ ...facts, epoch: 3 }), other);
  const keys = { ...trust, receiptKeys: [...trust.receiptKeys, other.publicKey] };
  t.equal(first(rebuild(swapped, other.publicKey), keys), "inclusion", "never logged");
  const broken = sealPayload(
    bytes(text(golden("statement.json")).replace('"epoch":2', '"epoch":0')),
    other,
  );
  t.equal(first(rebuild(broken.sealed, other.publicKey), keys), "statement");
  const moved = { ...parsed.proof, index: 5 };
  t.equal(first(rebuild(golden("envelope.json"), publicKey, moved)), "inclusion");
  const forged = signCheckpoint(
    { origin: logKey.name, size: 11, root: parsed.proof.root },
    logSigner,
  );
  const fork = rebuild(golden("envelope.json"), publicKey, { ...parsed.proof, checkpoint: forged });
  t.equal(first(fork), "checkpoint");
  const report = verifyReceipt(fork, trust);
  t.same(
    report.checks.map(({ ok }) => ok),
    [true, true, true, true, true, true, false],
  );
  t.same(
    verifyReceipt(bytes("x"), trust).checks.map(({ ok }) => ok),
    Array(7).fill(false),
  );
  t.throws(() => trustBeside([{ name: "a.pub.pem", content: bytes("no key") }]), {
    code: "VERIFICATION_FAILED",
  });
  t.throws(() => trustBeside([{ name: "trusted_root.json", content: bytes("{}") }]), {
    code: "VERIFICATION_FAILED",
  });
});

t.test("what is exported is checked, and what is wrong with it is told", async (t) => {
  const to = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(to, { recursive: true }));
  const lost = made.filter(({ name }) => !name.endsWith(".pub.pem"));
  const sent = new Map([
    ["whole", made],
    ["keyless", lost],
  ]);
  const log = { getReceipt: async ({ jobId = "" }) => ({ files: sent.get(jobId) ?? [] }) };
  const told: unknown[] = [];
  const context = {
    output: { table: (value: unknown) => told.push(value) },
    signal: new AbortController().signal,
    coordinator: async () => ({ log }),
  } as unknown as Context;
  const exported = (job: string) =>
    action(context, { args: [job], options: { to: join(to, job) } });
  t.same([await exported("whole"), await exported("keyless")], [0, 6]);
  t.match(told, [
    { receipts: [{ job: "whole", ok: true, fault: null }] },
    { receipts: [{ job: "keyless", ok: false, fault: /key .* is not among the trusted ones/ }] },
  ]);
});
