/** The page that checks receipts in a browser: its script, run here, says of every receipt what `verifyReceipt` says. */
import { createHash } from "node:crypto";
import t from "tap";
import { canonicalBytes } from "../src/base/canonical-json.js";
import { newSigner } from "../src/io/identity/signer.js";
import { pemOf } from "../src/proof/receipt/bundle.js";
import { receiptKeyId } from "../src/proof/receipt/envelope.js";
import { buildStatement } from "../src/proof/receipt/statement.js";
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
import {
  bundleName,
  bytes,
  type Content,
  type Folder,
  filesOf,
  folderOf,
  golden,
  html,
  inside,
  pageSays,
  verifyFiles,
} from "./receipt-page.js";
import {
  makeForged,
  makeNotices,
  makeReceipt,
  makeRevoked,
  otherSpellings,
  receiptFacts,
} from "./receipt-vectors.js";
import { bothSay, verdicts } from "./web-page.js";

const bundle = golden[bundleName] as Uint8Array;

t.test("its policy names the hash of its own style and script, and nothing else", async (t) => {
  const hash = (tag: string): string =>
    `sha256-${createHash("sha256").update(inside(tag)).digest("base64")}`;
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1];
  t.equal(
    policy,
    `default-src 'none'; img-src data:; style-src '${hash("style")}'; script-src '${hash("script")}'; ` +
      "base-uri 'none'; form-action 'none'",
  );
  t.notMatch(html, /\b(?:src|href)="(?!data:)/, "it loads nothing");
  t.notMatch(
    inside("script"),
    /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(/,
  );
});

t.test("it accepts the golden receipt, and refuses what verifyReceipt refuses", async (t) => {
  const report = await pageSays(golden);
  const ours = verifyReceipt(bundle, trustBeside([]));
  t.match(report, { ok: true, trust: "beside", file: bundleName });
  t.notOk(ours.ok);
  t.same(report.statement, buildStatement(receiptFacts));
  const good = await bothSay(golden);
  t.same([good.page, good.page.length], [good.ours, 7]);
  const firsts = new Set<string | undefined>();
  for (let at = 0; at < bundle.length; at += 97) {
    const changed = new Uint8Array(bundle);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    const { page, ours, first } = await bothSay({ ...golden, [bundleName]: changed });
    t.same(page, ours, `one bit of byte ${at}`);
    firsts.add(first);
  }
  t.notOk(firsts.has(undefined), "each of them is refused");
  t.ok(firsts.size >= 4, [...firsts].join(" "));
});

t.test("it needs the keys, and none that is wrong", async (t) => {
  const pem = Object.keys(golden).find((name) => name.endsWith(".pub.pem")) as string;
  const { [pem]: own, "trusted_root.json": root, ...rest } = golden;
  const other = await makeReceipt();
  const foreign = folderOf(other.files);
  const folders: Folder[] = [
    { ...rest, "trusted_root.json": root as Content },
    { ...rest, [pem]: own as Content },
    { ...golden, "trusted_root.json": foreign["trusted_root.json"] as Content },
    {
      ...golden,
      [pem]: foreign[Object.keys(foreign).find((n) => n.endsWith(".pem")) ?? ""] as Content,
    },
  ];
  for (const folder of folders) {
    const { page, ours } = await bothSay(folder);
    t.same(page, ours);
    t.ok(page.some((verdict) => verdict.endsWith("fails")));
  }
  const text = Buffer.from(root as Uint8Array).toString();
  for (const field of ["checkpointKeyId", "logId"]) {
    const other = text.replace(new RegExp(`("${field}":{"keyId":").`), "$1A");
    const report = await pageSays({ ...golden, "trusted_root.json": other });
    t.match(report, { firstFailed: { name: "checkpoint", text: /another id/ } });
  }
  // The way to the root is the same in a tree of 12, so that only the checkpoint tells.
  const larger = Buffer.from(bundle).toString().replace('"treeSize":"11"', '"treeSize":"12"');
  const { page, ours, first } = await bothSay({ ...golden, [bundleName]: larger });
  t.same([page, first], [ours, "checkpoint"]);
  const { logKey } = await pageSays(golden);
  const [keyId, otherId] = [pem.slice(0, 64), "0".repeat(64)];
  const pinned = await pageSays(golden, { keyIds: [keyId], logKeys: [logKey] });
  t.match(pinned, { ok: true, trust: "pinned" });
  t.match(await pageSays(golden, { keyIds: [otherId] }), { firstFailed: { name: "key" } });
  const otherLog = (await pageSays(foreign)).logKey;
  t.match(await pageSays(golden, { logKeys: [otherLog] }), { firstFailed: { name: "checkpoint" } });
  for (const wrong of [
    { keyIds: ["x"] },
    { logKeys: ["a+b+c"] },
    { expected: ["colour=red"] },
    { policy: "quorum" },
  ]) {
    await t.rejects(pageSays(golden, wrong), { message: /.{20}/ }, JSON.stringify(wrong));
  }
});

t.test(
  "it takes the statements that parsePayload takes, however validly they are signed",
  async (t) => {
    const signer = newSigner("ecdsa-p256-sha256");
    const good = buildStatement(receiptFacts);
    const payload = canonicalBytes(good);
    const { result: _, dataSet: __, ...rest } = receiptFacts;
    const failure = { code: "DATA_CHANGED", kind: "terminal", message: "it changed" } as const;
    const failed = buildStatement({ ...rest, outcome: "failed", failure });
    const cases: [string, Uint8Array][] = [
      ["golden", payload],
      ["a run that failed", canonicalBytes(failed)],
      ["one that failed, with another subject", canonicalBytes({ ...failed, subject: [] })],
      ["one that failed, with outputs", canonicalBytes({ ...failed, subject: good.subject })],
      ["not UTF-8", Uint8Array.from([...payload.slice(0, -1), 0xff, 0x7d])],
      ["a lone surrogate", bytes(Buffer.from(payload).toString().replace('"lab"', '"\\ud800"'))],
      ...Object.entries(brokenPayloads(Buffer.from(payload).toString())).map(
        ([what, broken]): [string, Uint8Array] => [what, bytes(broken)],
      ),
      ...changedStatements(payload, [otherTexts, otherFields]),
    ];
    const counts = { taken: 0, refused: 0 };
    const differ: string[] = [];
    const said = await Promise.all(
      cases.map(async ([, changed]) => (await pageSays(bundleOf(changed, signer))).checks[3]),
    );
    for (const [at, [what, changed]] of cases.entries()) {
      const isTaken = isStatement(changed);
      counts[isTaken ? "taken" : "refused"] += 1;
      if (said[at]?.name === "statement" && said[at].ok === isTaken) continue;
      differ.push(`${what}: ${Buffer.from(changed).toString().slice(0, 300)}`);
    }
    t.same(differ, []);
    t.ok(counts.taken > 50 && counts.refused > 500, JSON.stringify(counts));
  },
);

t.test("it takes the notices of coordinators that parsePayload takes", async (t) => {
  const signer = newSigner("ecdsa-p256-sha256");
  for (const [name, files] of Object.entries(await makeNotices())) {
    const folder = folderOf(files);
    const ours = verifyReceipt(bytes(folder[`${name}.sigstore.json`] ?? ""), trustBeside(files));
    const page = await pageSays(folder);
    t.match(page, { ok: true, notice: ours.notice, statement: undefined });
    t.same(verdicts(page.checks), verdicts(ours.checks));
    const cases = [...changedStatements(canonicalBytes(ours.notice), [otherTexts])];
    const said = await Promise.all(
      cases.map(async ([, changed]) => {
        return (await pageSays(bundleOf(changed, signer, ".notice.pem"))).checks[3]?.ok;
      }),
    );
    const differ = cases.filter(([, changed], at) => said[at] !== isStatement(changed));
    t.same(differ, []);
    t.ok(said.includes(true) && said.includes(false), `${said.length} changes of ${name}`);
  }
});

t.test("a key counts for nothing from the entry on that revokes it", async (t) => {
  const files = await makeRevoked();
  const trust = trustBeside(files);
  const folder = folderOf(files);
  const both = async (of: Folder) => (await verifyFiles(filesOf(of))).receipts;
  const [early, late] = await both(folder);
  for (const [report, name] of [
    [early, "early"],
    [late, "late"],
  ] as const) {
    const ours = verifyReceipt(bytes(folder[`${name}.sigstore.json`] ?? ""), trust);
    t.same(verdicts(report?.checks ?? []), verdicts(ours.checks), name);
  }
  t.match(
    [early, late],
    [{ ok: true }, { firstFailed: { name: "key", text: /revoked at entry 6/ } }],
  );
  const notice = Object.keys(folder).find((name) => name.endsWith(".revoked.json")) ?? "";
  const { [notice]: bundleOfNotice = "", ...without } = folder;
  t.match(await both(without), [{ ok: true }, { ok: true }]);
  const spoiled = Buffer.from(bytes(bundleOfNotice))
    .toString()
    .replace('"rootHash":"', '"rootHash":"AA');
  const bad = { firstFailed: { name: "key", text: /does not verify/ } };
  t.match(await both({ ...folder, [notice]: spoiled }), [bad, bad]);
});

t.test("hosts state runs, coordinators the rest, and neither the other's", async (t) => {
  for (const [what, files] of Object.entries(await makeForged())) {
    const folder = folderOf(files);
    const name = files.find((file) => file.name.endsWith(".sigstore.json"))?.name ?? "";
    const ours = verifyReceipt(bytes(folder[name] ?? ""), trustBeside(files));
    const page = await pageSays(folder);
    t.same(verdicts(page.checks), verdicts(ours.checks), what);
    const first = what === "revoked" ? "key" : "statement";
    t.match([page.firstFailed?.name, ours.firstFailed?.name], [first, first], what);
    t.match(page.firstFailed?.text, /statement|signed with a key that may not/);
  }
  const { act = [] } = await makeNotices();
  const key = act.find(({ name }) => name.endsWith(".notice.pem"))?.name.slice(0, 64);
  const folder = folderOf(act);
  t.match(await pageSays(folder, { noticeKeyIds: [key] }), { ok: true });
  const asHost = await pageSays(folder, { keyIds: [key] });
  t.match(asHost, { ok: false, firstFailed: { name: "key" } }, "pinned as a host's");
});

t.test("JSON that was made to confuse or to stall is refused at once", async (t) => {
  const text = Buffer.from(bundle).toString();
  const bad: Folder = {
    "a key twice": text.replace('"logIndex"', '"logIndex":"6","logIndex"'),
    "a key twice, spelt in two ways": text.replace('"logIndex"', '"log\\u0049ndex":"6","logIndex"'),
    "an unknown field": text.replace('"logIndex"', '"__proto__":{},"logIndex"'),
    "two log indexes": text.replace('"logIndex":"6"', '"logIndex":"7"'),
    "a byte order mark": `\ufeff${text}`,
    "too deep": `${"[".repeat(200_000)}${"]".repeat(200_000)}`,
    "no end": '{"a":"'.repeat(200_000),
    "quotes without end": `"${'\\"'.repeat(1_000_000)}`,
    "too long": `${text}${" ".repeat(4_000_000)}`,
    nothing: "",
    null: "null",
    "a list": "[]",
  };
  for (const [what, content] of Object.entries(bad)) {
    const { page, ours, first } = await bothSay({ ...golden, [bundleName]: content });
    t.same([page, first], [ours, "bundle"], what);
  }
  const spaced = JSON.stringify(JSON.parse(text), null, 2);
  t.match(await pageSays({ ...golden, [bundleName]: spaced }), { ok: true }, "white space is free");
});

t.test("one signature has one spelling", async (t) => {
  const value = JSON.parse(Buffer.from(bundle).toString());
  const [signature] = value.dsseEnvelope.signatures;
  const der = Buffer.from(signature.sig, "base64");
  const r = der.subarray(4, 4 + (der[3] as number));
  const s = der.subarray(4 + r.length + 2);
  const sequence = (...parts: readonly Uint8Array[]): Uint8Array => {
    const body = Buffer.concat(parts);
    return Buffer.concat([Uint8Array.of(0x30, body.length), body]);
  };
  const integer = (digits: Uint8Array) => Buffer.concat([Uint8Array.of(2, digits.length), digits]);
  const padded = (digits: Uint8Array) => Buffer.concat([Uint8Array.of(0), digits]);
  t.same(sequence(integer(r), integer(s)), der);
  for (const [what, sig] of Object.entries({
    "r with a needless zero": sequence(integer(padded(r)), integer(s)),
    "s with a needless zero": sequence(integer(r), integer(padded(s))),
    "a long length": Buffer.concat([Uint8Array.of(0x30, 0x81), der.subarray(1)]),
    "more after it": Buffer.concat([der, Uint8Array.of(0)]),
    "cut short": der.subarray(0, -1),
    "s is 0": sequence(integer(r), integer(Uint8Array.of(0))),
    "r is empty": sequence(integer(new Uint8Array(0)), integer(s)),
    "r and s as they are": Buffer.concat([r.subarray(-32), s.subarray(-32)]),
    nothing: new Uint8Array(0),
  })) {
    signature.sig = Buffer.from(sig).toString("base64");
    const { page, ours, first } = await bothSay({ ...golden, [bundleName]: canonicalBytes(value) });
    t.same([page, first], [ours, "signature"], what);
  }
});

t.test("and one key, or what is revoked would have another name", async (t) => {
  const signer = newSigner("ecdsa-p256-sha256");
  const { files } = await makeReceipt(receiptFacts, undefined, signer);
  const folder = folderOf(files);
  const value = JSON.parse(Buffer.from(folder[bundleName] ?? "").toString());
  for (const [what, publicKey] of Object.entries(otherSpellings(signer.publicKey))) {
    const keyId = receiptKeyId(publicKey);
    value.verificationMaterial.publicKey.hint = keyId;
    value.dsseEnvelope.signatures[0].keyid = keyId;
    const respelt = { [bundleName]: canonicalBytes(value), [`${keyId}.pub.pem`]: pemOf(publicKey) };
    const { page, ours, first } = await bothSay({ ...folder, ...respelt });
    t.same([page, first], [ours, "signature"], what);
  }
});
