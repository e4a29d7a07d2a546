/** The page that checks receipts in a browser says of some fields of one what `verifyDisclosure` says. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { sha256, toBase64, toHex } from "../src/base/bytes.js";
import { canonicalBytes } from "../src/base/canonical-json.js";
import { newSigner } from "../src/io/identity/signer.js";
import { bundleJson, parseBundle } from "../src/proof/receipt/bundle.js";
import { fieldLeaf, fieldTree } from "../src/proof/receipt/disclosure.js";
import { disclosureMediaType } from "../src/proof/receipt/disclosure-file.js";
import { parseEnvelope, preAuthEncoding, sealPayload } from "../src/proof/receipt/envelope.js";
import { buildStatement } from "../src/proof/receipt/statement.js";
import { smallTree } from "../src/proof/tlog/small-tree.js";
import { verifyDisclosure } from "../src/proof/verify/disclosure.js";
import { parseExpectation } from "../src/proof/verify/expect.js";
import type { Check } from "../src/proof/verify/steps.js";
import { trustBeside } from "../src/proof/verify/trust.js";
import {
  bundleName,
  bytes,
  type Content,
  type Folder,
  folderOf,
  pageSays,
} from "./receipt-page.js";
import { goldenSeed, makeReceipt, makeRevoked, receiptFacts } from "./receipt-vectors.js";

const verdicts = (checks: readonly Check[]): string[] =>
  checks.map(({ name, ok }) => `${name} ${ok ? "holds" : "fails"}`);

const shownName = "digits.disclosure.json";

/** The two reports' checks of a file that shows some fields, in its folder. */
async function bothSayOfShown(folder: Folder, expected: readonly string[] = []) {
  const files = Object.entries(folder).map(([name, content]) => ({
    name,
    content: bytes(content),
  }));
  const trusted = trustBeside(files);
  const questions = { expected: expected.map(parseExpectation) };
  const ours = verifyDisclosure(bytes(folder[shownName] ?? ""), trusted, questions);
  const page = await pageSays(folder, { expected });
  return { page: verdicts(page.checks), ours: verdicts(ours.checks), report: page, ok: ours.ok };
}

t.test("of some fields of a receipt it says what verifyDisclosure says", async (t) => {
  const at = "test/vectors/disclosure";
  const {
    [bundleName]: whole,
    "tree.json": _,
    ...folder
  } = folderOf(
    readdirSync(at).map((name) => ({
      name,
      content: new Uint8Array(readFileSync(join(at, name))),
    })),
  );
  const good = await bothSayOfShown(folder, ["country=SG", "grade=operator-asserted"]);
  t.same([good.page, good.ok], [good.ours, true]);
  t.equal(good.report.shown?.fields["usage.wallMs"], 1250);
  const file = bytes(folder[shownName] ?? "");
  const value = JSON.parse(Buffer.from(file).toString());
  const variants: Content[] = [
    ...[[], value.fields.toReversed(), [value.fields[0], value.fields[0]], value.fields.slice(4)],
    ...[{ name: "run.id" }, { value: "CL" }, { salt: "" }, { hashes: [] }, { more: 1 }].map(
      (part) => [{ ...value.fields[2], ...part }],
    ),
  ].map((fields) => canonicalBytes({ ...value, fields }));
  for (let byte = 0; byte < file.length; byte += 61) {
    const changed = new Uint8Array(file);
    changed[byte] = (changed[byte] as number) ^ (1 << (byte % 8));
    variants.push(changed);
  }
  for (const variant of [...variants, `${Buffer.from(file)} `, whole ?? "", "{}"]) {
    const { page, ours } = await bothSayOfShown({ ...folder, [shownName]: variant });
    t.same(page, ours);
  }
  for (const text of [
    "country=CL",
    "host=sg-1",
    "grade=hardware-attested",
    "operator=x",
    "dataset=d",
  ]) {
    const { page, ours, ok } = await bothSayOfShown(folder, [text]);
    t.same([page, ok], [ours, false]);
  }
  const revoked = await makeRevoked();
  const coordinator = folderOf(revoked.filter(({ name }) => !/^(early|late)/.test(name)));
  const doubtful = await bothSayOfShown({ ...coordinator, ...folder });
  t.same(doubtful.page, doubtful.ours, "with a notice of another log beside it");
});

t.test("a field is for both what it could be in a receipt", async (t) => {
  const signer = newSigner("ecdsa-p256-sha256");
  const { files } = await makeReceipt(receiptFacts, undefined, signer);
  const beside = folderOf(files.filter(({ name }) => /\.pem$|^trusted/.test(name)));
  const receipt = parseBundle(files[0]?.content ?? new Uint8Array());
  const { fields } = fieldTree(buildStatement(receiptFacts), goldenSeed);
  const facts =
    "country zone site operator grade host job run outcome policy device backend determinism arithmetic dataset".split(
      " ",
    );
  const digest = `sha256:${"0".repeat(64)}`;
  const job = [{ name: "job", digest: { sha256: "0".repeat(64) } }];
  const others = [
    null,
    "",
    "SG",
    digest,
    "2026-01-02T03:04:05.000Z",
    7,
    -1,
    true,
    [],
    [{}],
    {},
    job,
  ];
  const work = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(beside)) writeFileSync(join(work, name), content);
  const verdictOf = new Map<string, boolean>();
  let held = 0;
  for (const [index, field] of fields.entries()) {
    const { name } = field;
    for (const value of [field.value, ...others]) {
      const { root, inclusion } = smallTree(
        fields.map((one) => fieldLeaf(one === field ? { ...field, value } : one)),
      );
      const payload = disclosed(receipt.envelope.payload, root);
      const envelope = parseEnvelope(sealPayload(payload, signer));
      const [salt, hashes] = [toBase64(field.salt), (await inclusion(index)).map(toBase64)];
      const content = canonicalBytes({
        ...bundleJson({ ...receipt, envelope }, disclosureMediaType),
        fields: [{ name, value, salt, hashes }],
      });
      const { page, ours, ok } = await bothSayOfShown({ ...beside, [shownName]: content });
      t.same(page, ours, `${name} ${JSON.stringify(value)}`);
      const path = join(work, `${verdictOf.size}.disclosure.json`);
      writeFileSync(path, content);
      verdictOf.set(path, ok);
      if (value === field.value) t.ok(ok);
      const isAsked = value === field.value && /^(execution|host)\./.test(name);
      for (const fact of isAsked ? facts : []) {
        const asked = await bothSayOfShown({ ...beside, [shownName]: content }, [`${fact}=x`]);
        t.same([asked.page, asked.ok], [asked.ours, false], `${fact} of ${name} alone`);
      }
      held += ok ? 1 : 0;
    }
  }
  if (spawnSync("python3", ["-c", "import cryptography"]).status === 0) {
    const asked = ["test/foreign/verify_disclosure.py", ...verdictOf.keys()];
    const said = spawnSync("python3", asked).stdout.toString().trim().split("\n");
    t.same(
      said.map((line) => line === "ok"),
      [...verdictOf.values()],
      "and for the second verifier",
    );
  }
  t.ok(held > fields.length && held < fields.length * 5, `${held} of them hold`);
});

function disclosed(payload: Uint8Array, root: Uint8Array): Uint8Array {
  return canonicalBytes({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "receipt", digest: { sha256: toHex(sha256(preAuthEncoding(payload))) } }],
    predicateType: "https://quipu.dev/disclosure/v1",
    predicate: {
      statementType: "https://quipu.dev/compute-run/v1",
      leaves: 37,
      root: toHex(root),
    },
  });
}
