/** What verifiers that others wrote, or that were written from the specification, say of receipts. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import { canonicalBytes, canonicalJson } from "../src/base/canonical-json.js";
import { newSigner } from "../src/io/identity/signer.js";
import { bundleSuffix, parseBundle, parseTrustedRoot } from "../src/proof/receipt/bundle.js";
import { parseEnvelope, preAuthEncoding } from "../src/proof/receipt/envelope.js";
import { buildStatement } from "../src/proof/receipt/statement.js";
import { cosignNote, parseNote } from "../src/proof/tlog/note.js";
import { formatVerifierKey } from "../src/proof/tlog/verifier-key.js";
import { verifyDisclosure } from "../src/proof/verify/disclosure.js";
import { verifyReceipt } from "../src/proof/verify/receipt.js";
import { trustBeside } from "../src/proof/verify/trust.js";
import {
  brokenPayloads,
  bundleOf,
  changedStatements,
  isStatement,
  otherFields,
  otherTexts,
} from "./changed-statements.js";
import { runIn } from "./cli-run.js";
import { golden, goldenFiles, goldenFolder, text, trust } from "./golden-receipt.js";
import { makeForged, makeNotices, makeRevoked, receiptFacts } from "./receipt-vectors.js";

const notices = await makeNotices();

t.test("OpenSSL checks the signature", async (t) => {
  if (spawnSync("openssl", ["version"]).status !== 0) {
    t.ok(true, "openssl is not here", { skip: true });
    return;
  }
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  const { payload, signature, keyId } = parseEnvelope(golden("envelope.json"));
  writeFileSync(join(work, "signed"), preAuthEncoding(payload));
  writeFileSync(join(work, "signature"), signature);
  const key = join(goldenFolder, `${keyId}.pub.pem`);
  const check = (): string =>
    spawnSync(
      "openssl",
      ["dgst", "-sha256", "-verify", key, "-signature", "signature", "signed"].map((argument) =>
        ["signature", "signed"].includes(argument) ? join(work, argument) : argument,
      ),
    ).stdout.toString();
  t.match(check(), /Verified OK/);
  writeFileSync(join(work, "signed"), payload);
  t.notMatch(check(), /Verified OK/);
});

t.test("a second verifier, written from the specification, agrees", async (t) => {
  if (spawnSync("python3", ["-c", "import cryptography"]).status !== 0) {
    t.ok(true, "python3 with cryptography is not here", { skip: true });
    return;
  }
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  for (const { name, content } of goldenFiles) writeFileSync(join(work, name), content);
  const bundle = golden("digits.sigstore.json");
  const files = [join(work, "digits.sigstore.json")];
  const expected = ["ok"];
  for (let at = 0; at < bundle.length; at += 97) {
    const changed = new Uint8Array(bundle);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    files.push(join(work, `${at}.sigstore.json`));
    writeFileSync(files.at(-1) as string, changed);
    expected.push(verifyReceipt(changed, trust).firstFailed?.name ?? "accepted");
  }
  const { stdout, status } = spawnSync("python3", ["test/foreign/verify_receipt.py", ...files]);
  const verdicts = stdout.toString().trim().split("\n");
  t.same([verdicts.length, status], [files.length, 6]);
  // Which check comes first to see a damaged base64 or key id is each one's own affair.
  const agree = verdicts.filter((line, i) => (line === "ok") === (expected[i] === "ok"));
  t.equal(agree.length, files.length);
});

t.test("it takes the statements that ours takes, however validly they are signed", async (t) => {
  if (spawnSync("python3", ["-c", "import cryptography"]).status !== 0) {
    t.ok(true, "python3 with cryptography is not here", { skip: true });
    return;
  }
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  writeFileSync(join(work, "trusted_root.json"), golden("trusted_root.json"));
  const signer = newSigner("ecdsa-p256-sha256");
  const payload = golden("statement.json");
  const job = {
    version: "v9",
    task: { driver: "x" },
    half: 0.5,
    many: 1e21,
    few: -1.5e-7,
    none: null,
    yes: [true, "ß"],
  };
  const facts = { ...receiptFacts, job: job as never, jobDigest: digestOf(canonicalBytes(job)) };
  const odd = canonicalBytes(buildStatement(facts));
  t.ok(isStatement(odd), "what a job may hold besides its version is nobody's affair");
  const cases = [
    odd,
    Buffer.from(text(payload).replace('"lab"', '"\\ud800"')),
    ...Object.values(brokenPayloads(text(payload))).map((broken) => Buffer.from(broken)),
    ...[...changedStatements(payload, [otherTexts, otherFields])].map(([, changed]) => changed),
  ];
  const stated = Object.entries(notices).flatMap(([name, files]) => {
    const { content } = files.find((file) => file.name === `${name}${bundleSuffix}`) ?? {};
    const { payload } = parseBundle(content ?? new Uint8Array()).envelope;
    return [
      payload,
      ...[...changedStatements(payload, [otherTexts])].map(([, changed]) => changed),
    ];
  });
  const coordinator = newSigner("ecdsa-p256-sha256");
  const files = [...cases, ...stated].map((changed, i) => {
    const file = join(work, `${i}.sigstore.json`);
    const bundle =
      i < cases.length ? bundleOf(changed, signer) : bundleOf(changed, coordinator, ".notice.pem");
    for (const [name, content] of Object.entries(bundle)) {
      writeFileSync(name.endsWith(".pem") ? join(work, name) : file, content);
    }
    return file;
  });
  const run = spawnSync("python3", ["test/foreign/verify_receipt.py", ...files]);
  const verdicts = run.stdout.toString().trim().split("\n");
  t.equal(verdicts.length, files.length, run.stderr.toString());
  // All have the golden receipt's entry: what is a statement is refused for that, by the next check.
  const differ = [...cases, ...stated].filter((changed, i) => {
    return verdicts[i]?.split(":")[0] !== (isStatement(changed) ? "entry" : "statement");
  });
  t.same(
    differ.map((one) => text(one).slice(0, 2000)),
    [],
  );
});

t.test("so does a second verifier of disclosures", async (t) => {
  if (spawnSync("python3", ["-c", "import cryptography"]).status !== 0) {
    t.ok(true, "python3 with cryptography is not here", { skip: true });
    return;
  }
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  const at = "test/vectors/disclosure";
  const beside = readdirSync(at).map((name) => {
    return { name, content: new Uint8Array(readFileSync(join(at, name))) };
  });
  for (const { name, content } of beside) writeFileSync(join(work, name), content);
  const shown = readFileSync(join(at, "digits.disclosure.json"));
  const value = JSON.parse(text(shown));
  const variants = [
    shown,
    canonicalBytes({ ...value, fields: value.fields.slice(3, 4) }),
    canonicalBytes({ ...value, fields: value.fields.toReversed() }),
    canonicalBytes({ ...value, fields: [] }),
    canonicalBytes({ ...value, fields: [{ ...value.fields[2], value: "DE" }] }),
    new Uint8Array(readFileSync(join(at, "digits.sigstore.json"))),
  ];
  for (let byte = 0; byte < shown.length; byte += 41) {
    const changed = new Uint8Array(shown);
    changed[byte] = (changed[byte] as number) ^ (1 << (byte % 8));
    variants.push(changed);
  }
  const files = variants.map((content, i) => {
    const file = join(work, `${i}.disclosure.json`);
    writeFileSync(file, content);
    return file;
  });
  const { stdout } = spawnSync("python3", ["test/foreign/verify_disclosure.py", ...files]);
  const verdicts = stdout.toString().trim().split("\n");
  t.equal(verdicts.length, files.length, "it stumbles over none");
  const trusted = trustBeside(beside.filter(({ name }) => !name.startsWith("digits.")));
  t.same(
    verdicts.map((line) => line === "ok"),
    variants.map((content) => verifyDisclosure(content, trusted).ok),
  );
  t.equal(verdicts.filter((line) => line === "ok").length, 2);
});

t.test("Sigstore's own verifier takes our bundle, and none that was changed", async (t) => {
  const verifier = "test/foreign/sigstore";
  if (!existsSync(join(verifier, "node_modules", "@sigstore"))) {
    t.ok(true, "@sigstore/verify is not here", { skip: true });
    return;
  }
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  const bundle = golden("digits.sigstore.json");
  const cosigner = newSigner("ed25519");
  const value = JSON.parse(text(bundle));
  const { checkpoint } = value.verificationMaterial.tlogEntries[0].inclusionProof;
  const { text: signed } = parseNote(checkpoint.envelope);
  checkpoint.envelope += cosignNote(signed, "w.example", cosigner, 1_800_000_000);
  const variants = [bundle, canonicalBytes(value)];
  for (let at = 0; at < bundle.length; at += 13) {
    const changed = new Uint8Array(bundle);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    variants.push(changed);
  }
  const files = variants.map((content, at) => {
    const file = join(work, `${at}.sigstore.json`);
    writeFileSync(file, content);
    return file;
  });
  const run = spawnSync(process.execPath, [join(verifier, "verify.mjs"), goldenFolder, ...files]);
  const verdicts = run.stdout.toString().trim().split("\n");
  t.same([verdicts.length, run.status], [files.length, 0], run.stderr.toString());
  t.same(verdicts.slice(0, 2), ["ok", "ok"], "also with the signature of a witness");
  const passedOver = new Set<string>();
  for (const [at, verdict] of verdicts.entries()) {
    if (at < 2 || verdict !== "ok") continue;
    for (const path of changedIn(text(bundle), text(variants[at] as Uint8Array))) {
      passedOver.add(path);
    }
  }
  // What it passes over says nothing that is not said elsewhere, and we refuse that too (below).
  t.same(
    [...passedOver].filter((path) => !["keyid", "rootHash", "treeSize"].includes(path)),
    [],
  );
});

/** Names of the fields that another document has other values or bytes in, or lacks. */
function changedIn(ours: string, changed: string): readonly string[] {
  const values = (document: string): Map<string, string> => {
    const found = new Map<string, string>();
    JSON.parse(document, function (this: object, key, value) {
      if (typeof value === "string") found.set(key, Buffer.from(value, "base64").toString("hex"));
      return value;
    });
    return found;
  };
  const other = values(changed);
  return [...values(ours)].flatMap(([key, value]) => (other.get(key) === value ? [] : [key]));
}

t.test("what a coordinator states is verified by all, and no bit of it changes", async (t) => {
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  for (const [name, made] of Object.entries(notices)) {
    const at = join("test/vectors", name);
    const files = readdirSync(at).map((file) => {
      return { name: file, content: new Uint8Array(readFileSync(join(at, file))) };
    });
    for (const { name: file, content } of files) writeFileSync(join(work, file), content);
    const trusted = trustBeside(files);
    const bundleName = `${name}.sigstore.json`;
    const bundle = files.find((file) => file.name === bundleName)?.content ?? new Uint8Array();
    const report = verifyReceipt(bundle, trusted);
    t.ok(report.ok, JSON.stringify(report.firstFailed));
    const payloadOf = (content: Uint8Array = new Uint8Array()) =>
      text(parseBundle(content).envelope.payload);
    const fresh = made.find((file) => file.name === bundleName)?.content;
    t.equal(payloadOf(fresh), payloadOf(bundle), `${name} is what its maker makes`);
    t.equal(canonicalJson(report.notice), payloadOf(bundle));
    const changed: string[] = [];
    const accepted: number[] = [];
    for (let bit = 0; bit < bundle.length; bit += 31) {
      const copy = new Uint8Array(bundle);
      copy[bit] = (copy[bit] as number) ^ (1 << (bit % 8));
      if (verifyReceipt(copy, trusted).ok) accepted.push(bit);
      changed.push(join(work, `${bit}.sigstore.json`));
      writeFileSync(changed.at(-1) as string, copy);
    }
    t.same(accepted, []);
    if (spawnSync("python3", ["-c", "import cryptography"]).status !== 0) continue;
    const asked = ["test/foreign/verify_receipt.py", join(work, bundleName), ...changed];
    const verdicts = spawnSync("python3", asked).stdout.toString().trim().split("\n");
    t.same(verdicts.length, changed.length + 1);
    t.same(verdicts.indexOf("ok"), 0);
    t.same(verdicts.lastIndexOf("ok"), 0, "the second verifier takes it, and no other");
  }
});

t.test("the second verifier knows who may state what, and until when", async (t) => {
  if (spawnSync("python3", ["-c", "import cryptography"]).status !== 0) {
    t.ok(true, "python3 with cryptography is not here", { skip: true });
    return;
  }
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  const folders = { ...(await makeForged()), late: await makeRevoked() };
  for (const [what, files] of Object.entries(folders)) {
    const folder = mkdtempSync(join(work, what));
    for (const { name, content } of files) writeFileSync(join(folder, name), content);
    const bundles = files.filter(({ name }) => name.endsWith(bundleSuffix));
    const ours = bundles.map(({ content }) => verifyReceipt(content, trustBeside(files)));
    const paths = bundles.map(({ name }) => join(folder, name));
    const run = spawnSync("python3", ["test/foreign/verify_receipt.py", ...paths]);
    const theirs = run.stdout.toString().trim().split("\n");
    t.same(
      theirs.map((line) => line.split(":")[0]),
      ours.map(({ firstFailed }) => firstFailed?.name ?? "ok"),
      what,
    );
    t.equal(ours.filter(({ ok }) => ok).length, what === "late" ? 1 : 0, "early, where not forged");
  }
});

t.test("who pins keys pins whose they are", async (t) => {
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  const files = await makeRevoked();
  for (const { name, content } of files) writeFileSync(join(work, name), content);
  const fileThat = (end: string) => files.find(({ name }) => name.endsWith(end))?.name ?? "";
  const root = files.find(({ name }) => name === "trusted_root.json");
  const log = ["--log-key", formatVerifierKey(parseTrustedRoot(root?.content ?? new Uint8Array()))];
  const host = ["--key", join(work, fileThat(".pub.pem"))];
  const coordinator = ["--notice-key", join(work, fileThat(".notice.pem"))];
  const verify = async (name: string, ...flags: string[]) => {
    const { code, stdout } = await runIn(work, ["verify", join(work, name), ...flags, "--json"]);
    const { receipts = [], error } = JSON.parse(stdout);
    return { code, first: receipts[0]?.firstFailed?.name, error: error?.code };
  };
  const [early, late] = ["early.sigstore.json", "late.sigstore.json"] as const;
  t.match(await verify(early, ...host, ...coordinator, ...log), { code: 0 });
  t.match(await verify(late, ...host, ...coordinator, ...log), { code: 6, first: "key" });
  const unsure = await verify(early, ...host, ...log);
  t.match(unsure, { code: 6, first: "key" }, "whether it was revoked, nobody here can say");
  const notice = fileThat(".revoked.json");
  t.match(await verify(notice, ...host, ...log), { code: 6, first: "key" });
  const swapped = ["--key", join(work, fileThat(".notice.pem"))];
  t.match(await verify(notice, ...swapped, ...log), { code: 6 }, "pinned as a host's");
  const usage = { code: 2, error: "USAGE" };
  for (const half of [host, coordinator, log]) t.match(await verify(early, ...half), usage);
});
