/** What the page is asked besides: a quorum of witnesses, a decision record, output files, expectations. */
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import { canonicalBytes } from "../src/base/canonical-json.js";
import { newSigner } from "../src/io/identity/signer.js";
import { placeGrades } from "../src/model/place.js";
import type { RunFacts } from "../src/model/run.js";
import { buildStatement } from "../src/proof/receipt/statement.js";
import { cosignNote, parseNote } from "../src/proof/tlog/note.js";
import { formatVerifierKey, verifierKeyOf } from "../src/proof/tlog/verifier-key.js";
import { parseExpectation } from "../src/proof/verify/expect.js";
import { bundleOf } from "./changed-statements.js";
import {
  bundleName,
  bytes,
  type Folder,
  filesOf,
  folderOf,
  golden,
  pageSays,
  verifyFiles,
} from "./receipt-page.js";
import { makeReceipt, receiptFacts } from "./receipt-vectors.js";
import { bothSay } from "./web-page.js";

t.test("it demands the quorum of a policy, beside the receipt or given", async (t) => {
  const signers = ["w1", "w2", "w3"].map((name) => ({ name, signer: newSigner("ed25519") }));
  const lines = signers.map(({ name, signer }) => {
    return `witness ${name} ${formatVerifierKey(verifierKeyOf(signer, name, "witness"))}`;
  });
  const policyOf = (quorum: string) =>
    [...lines, `group two 2 w1 w2 w3`, `quorum ${quorum}`, ""].join("\n");
  const cosigned = await makeReceipt(receiptFacts, (checkpoint, logKey) => {
    const { text } = parseNote(checkpoint);
    const marks = signers
      .slice(0, 2)
      .map(({ name, signer }) => cosignNote(text, name, signer, 1_800_000_000));
    const policyText = `# who counts\nlog ${formatVerifierKey(logKey)}\n${policyOf("two")}`;
    return { checkpoint: checkpoint + marks.join(""), policyText };
  });
  const folder = folderOf(cosigned.files);
  const good = await bothSay(folder);
  t.same([good.page, good.first], [good.ours, undefined]);
  const report = await pageSays(folder);
  t.match(report.checks.at(-1), {
    name: "witnesses",
    text: /^cosigned by w1 at 2027-01-15T08:00:00.000Z, w2/,
  });

  for (const timeS of [0, 2 ** 33, 8_640_000_000_001, 2 ** 53 - 1, 2 ** 53]) {
    const timed = await makeReceipt(receiptFacts, (checkpoint) => {
      const { text } = parseNote(checkpoint);
      const marks = signers.map(({ name, signer }) => cosignNote(text, name, signer, timeS));
      return { checkpoint: checkpoint + marks.join(""), policyText: policyOf("two") };
    });
    const { page, ours, first } = await bothSay(folderOf(timed.files));
    t.same([page, first], [ours, timeS < 2 ** 53 ? undefined : "witnesses"], `at ${timeS} s`);
  }
  const otherLog = formatVerifierKey(verifierKeyOf(newSigner("ed25519"), "other.example/log"));
  for (const [what, policy] of Object.entries({
    "a witness that has not signed": policyOf("w3"),
    "a log that is another": `log ${otherLog}\n${policyOf("two")}`,
    "no quorum": policyOf("two").replace(/quorum.*/, ""),
    "an unknown name": policyOf("four"),
    "an unknown word": `${policyOf("two")}witnesses`,
    "a number too large": policyOf("two").replace("two 2", "two 4"),
    "a member twice": policyOf("two").replace("w1 w2 w3", "w1 w1"),
    "a control character in a comment": `# \u0007\n${policyOf("two")}`,
  })) {
    const changed = { ...folder, "trust.policy": policy };
    t.match(await pageSays(changed), { ok: false, firstFailed: { name: "witnesses" } }, what);
    await t.rejects(pageSays(folder, { policy: `${policy}\u0000` }), what);
  }
  t.match(await pageSays(folder, { policy: policyOf("w3") }), {
    firstFailed: { name: "witnesses" },
  });
  for (const quorum of ["w2", "two", "none"]) {
    const again = await bothSay({ ...folder, "trust.policy": policyOf(quorum) });
    t.same([again.page, again.first], [again.ours, undefined], quorum);
  }
  const value = JSON.parse(Buffer.from(folder[bundleName] as Uint8Array).toString());
  const { checkpoint } = value.verificationMaterial.tlogEntries[0].inclusionProof;
  const note: string = checkpoint.envelope;
  for (let at = 0; at < note.length; at += 5) {
    const other = note[at] === "A" ? "B" : "A";
    checkpoint.envelope = note.slice(0, at) + other + note.slice(at + 1);
    const changed = await bothSay({ ...folder, [bundleName]: canonicalBytes(value) });
    t.same(changed.page, changed.ours, `letter ${at} of the checkpoint`);
  }
});

t.test("it compares the decision record, output files and expectations", async (t) => {
  const { jobDigest, policyDigest, priceBookDigest, host } = receiptFacts;
  const output = bytes("the very output");
  const [first, ...others] = receiptFacts.result?.outputs ?? [];
  const facts = { jobDigest, policyDigest, priceBookDigest, outcome: { kind: "placed", host } };
  const withDecision = async (
    decision: Uint8Array,
    change: Partial<RunFacts> = {},
  ): Promise<Folder> => {
    const result = {
      ...receiptFacts.result,
      outputs: [{ ...first, digest: digestOf(output) }, ...others],
    };
    const own = {
      ...receiptFacts,
      result,
      decisionDigest: digestOf(decision),
      ...change,
    } as RunFacts;
    return { ...folderOf((await makeReceipt(own)).files), "digits.decision.json": decision };
  };
  const folder = await withDecision(canonicalBytes(facts));
  const good = await bothSay(folder);
  t.same([good.page, good.first], [good.ours, undefined]);
  t.same(good.page.at(-1), "decision holds");
  const spaced = `${Buffer.from(canonicalBytes(facts)).toString()}\n`;
  const respelt = await bothSay({ ...folder, "digits.decision.json": spaced });
  t.same([respelt.page, respelt.first], [respelt.ours, "decision"], "its very bytes are named");
  for (const change of [
    { jobDigest: policyDigest },
    { policyDigest: jobDigest },
    { priceBookDigest: undefined },
    { outcome: { kind: "placed", host: "de-1" } },
    { outcome: { kind: "refused" } },
    { outcome: null },
  ]) {
    const changed = canonicalBytes({ ...facts, ...change });
    for (const one of [
      { ...folder, "digits.decision.json": changed },
      await withDecision(changed),
    ]) {
      const { page, ours, first } = await bothSay(one);
      t.same([page, first], [ours, "decision"], JSON.stringify(change));
    }
  }

  const held = await pageSays({ ...folder, "predictions.npy": output });
  t.match(held, { ok: true, outputsHeld: ["predictions.npy"] });
  t.match(held.checks.at(-1), { name: "outputs", text: /^1 of 2 output files/ });
  const wrong = { ...folder, "predictions.npy": bytes("another output") };
  t.match(await pageSays(wrong), {
    ok: false,
    firstFailed: { name: "outputs", text: /the receipt says/ },
  });
  const strange = await verifyFiles(filesOf({ ...folder, "notes.txt": "x" }));
  t.match(strange, { ok: true, strangers: ["notes.txt"] });
  const inFolder = (at: string, of: Folder): Folder =>
    Object.fromEntries(Object.entries(of).map(([name, content]) => [`${at}/${name}`, content]));
  const two = { ...inFolder("one", folder), ...inFolder("two", golden), "predictions.npy": output };
  const both = await verifyFiles(filesOf(two));
  t.match(both, { ok: true, strangers: [] }, "a file is held against the receipt that signed it");
  t.same(
    both.receipts.map(({ outputsHeld }) => outputsHeld),
    [["predictions.npy"], []],
  );
  const neither = await verifyFiles(filesOf({ ...two, "predictions.npy": "of nobody" }));
  t.match(neither.receipts, [
    { firstFailed: { name: "outputs" } },
    { firstFailed: { name: "outputs" } },
  ]);
  t.match(await verifyFiles([]), { ok: false, receipts: [] });
});

t.test(
  "it expects what quipu verify does, and of grades what evidence and time leave",
  async (t) => {
    const ask = async (folder: Folder, text: string, what = ""): Promise<boolean> => {
      const questions = { expected: [parseExpectation(text)] };
      const { page, ours } = await bothSay(folder, { questions });
      t.same(page, ours, `${text} ${what}`);
      return page.at(-1) === "expected holds";
    };
    t.ok(await ask(golden, "country=SG"));
    for (const text of [
      "country=DE",
      "operator=x",
      "dataset=",
      "grade=",
      "grade=hardware-attested",
    ]) {
      t.notOk(await ask(golden, text));
    }
    const { predicate, ...statement } = buildStatement(receiptFacts);
    const { host, runDetails } = predicate;
    const signer = newSigner("ecdsa-p256-sha256");
    const digest = { sha256: "e5".repeat(32) };
    /** The best grade that is met where one is stated, with evidence of another, until some moment. */
    const best = async (grade: string, shown?: string, gradeUntil?: string, end?: string) => {
      const evidence = shown === undefined ? [] : [{ type: "tpm", grade: shown, digest }];
      const place = { ...host.place, grade, gradeUntil };
      const metadata = { ...runDetails.metadata, finishedOn: end ?? receiptFacts.finishedAt };
      const changed = {
        host: { ...host, place, evidence },
        runDetails: { ...runDetails, metadata },
      };
      const payload = canonicalBytes({ ...statement, predicate: { ...predicate, ...changed } });
      const met: string[] = [];
      for (const one of placeGrades) {
        if (await ask(bundleOf(payload, signer), `grade=${one}`, JSON.stringify(changed)))
          met.push(one);
      }
      return met.at(-1);
    };
    const [claimed, asserted, provider, hardware] = placeGrades;
    t.equal(await best(claimed, hardware), claimed);
    t.equal(await best(hardware), asserted);
    t.equal(await best(hardware, provider), provider);
    t.equal(await best(hardware, hardware), hardware);
    t.equal(await best(hardware, hardware, "2026-11-23T03:00:01.251Z"), hardware);
    t.equal(await best(hardware, hardware, "2026-11-23T03:00:01.250Z"), claimed);
    const never = "2026-99-99T00:00:00.000Z";
    t.equal(await best(hardware, hardware, "2099-01-01T00:00:00Z", never), claimed);
  },
);
