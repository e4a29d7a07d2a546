/**
 * A whole receipt from made-up facts, with new keys that are thrown away. The golden files in
 * `vectors/receipt` were written with it, by `npm run vectors:receipts`.
 */
import { toBase64, toHex } from "../src/base/bytes.js";
import { canonicalBytes } from "../src/base/canonical-json.js";
import type { Signer } from "../src/base/signature.js";
import { newSigner } from "../src/io/identity/signer.js";
import { type JobSpec, jobDigest, jobSpec } from "../src/model/job.js";
import type { RunFacts } from "../src/model/run.js";
import {
  noticeFiles,
  parseBundle,
  type ReceiptFile,
  receiptFiles,
} from "../src/proof/receipt/bundle.js";
import {
  fieldLeaf,
  fieldTree,
  sealDisclosure,
  seedBytes,
} from "../src/proof/receipt/disclosure.js";
import { askedFields, disclosureFile } from "../src/proof/receipt/disclosure-file.js";
import {
  entryOf,
  parseEnvelope,
  receiptKeyId,
  sealPayload,
} from "../src/proof/receipt/envelope.js";
import { actNotice, jobEndNotice, noticeBytes } from "../src/proof/receipt/notice.js";
import { buildStatement, statementBytes } from "../src/proof/receipt/statement.js";
import { appendEntries, emptyEdge } from "../src/proof/tlog/append.js";
import { signCheckpoint } from "../src/proof/tlog/checkpoint.js";
import { leafHash } from "../src/proof/tlog/hash.js";
import { LogReader } from "../src/proof/tlog/reader.js";
import { type VerifierKey, verifierKeyOf } from "../src/proof/tlog/verifier-key.js";

const job: JobSpec = jobSpec.parse({
  version: "quipu.dev/v1",
  name: "digits",
  owner: "lab",
  dataSet: "digits",
  purpose: "research",
  placement: { countries: ["SG", "CL"] },
  task: {
    driver: "tensor",
    model: `sha256:${"e1".repeat(32)}`,
    inputs: {
      queries: { file: "digits.csv", columns: [0, 64], rows: { modulo: 5, equals: [0] } },
    },
  },
});
export const receiptFacts: RunFacts = {
  runId: "run-0123456789abcdef",
  epoch: 2,
  jobId: "job-0123456789abcdef",
  jobDigest: jobDigest(job),
  job,
  host: "sg-1",
  place: { country: "SG", zone: "sg-west", site: "private", grade: "operator-asserted" },
  clock: { offsetMs: -12, uncertaintyMs: 3 },
  agentVersion: "0.1.0",
  devices: ["cpu"],
  decisionDigest: `sha256:${"d1".repeat(32)}`,
  policyDigest: `sha256:${"d2".repeat(32)}`,
  priceBookDigest: `sha256:${"d4".repeat(32)}`,
  dataSet: {
    name: "digits",
    manifestDigest: `sha256:${"d3".repeat(32)}`,
    dataClass: "personal",
  },
  inputs: job.task.driver === "tensor" ? [job.task.model] : [],
  outcome: "succeeded",
  result: {
    outputs: [
      {
        name: "predictions.npy",
        digest: `sha256:${"a1".repeat(32)}`,
        blake3: "b1".repeat(32),
        sizeBytes: 3008,
        mediaType: "application/octet-stream",
      },
      {
        name: "größe ∑.txt",
        digest: `sha256:${"a2".repeat(32)}`,
        blake3: "b2".repeat(32),
        sizeBytes: 0,
        mediaType: "text/plain",
      },
    ],
    device: "cpu",
    backend: "avx2",
    determinism: "bitwise",
    arithmetic: "canonical-1",
  },
  isolation: "process",
  startedAt: "2026-11-23T03:00:00.000Z",
  finishedAt: "2026-11-23T03:00:01.250Z",
  usage: { wallMs: 1250, deviceMs: 1200, cpuMs: 2400, inputBytes: 1_048_576, outputBytes: 3008 },
};

/** Every golden file by its name. */
export async function makeReceiptVectors(): Promise<ReceiptFile[]> {
  const { envelope, entry, files } = await makeReceipt();
  return [
    { name: "facts.json", content: canonicalBytes(receiptFacts) },
    { name: "statement.json", content: canonicalBytes(buildStatement(receiptFacts)) },
    { name: "envelope.json", content: envelope },
    { name: "entry.json", content: entry },
    ...files,
  ];
}

/** May add to the checkpoint, and give the policy that asks for it. */
type Cosign = (
  checkpoint: string,
  logKey: VerifierKey,
) => { checkpoint: string; policyText?: string };

interface Made {
  readonly envelope: Uint8Array;
  readonly entry: Uint8Array;
  /** Of the receipt's folder. */
  readonly files: ReceiptFile[];
}

export function makeReceipt(
  facts = receiptFacts,
  witness?: Cosign,
  signer?: Signer,
): Promise<Made> {
  const payload = statementBytes(buildStatement(facts));
  return makeLogged("digits", payload, witness, signer && { signer });
}

const coordinator = { isNotice: true };
const host = { isNotice: false };
const by = { coordinator: "log.example.com/quipu", at: "2026-11-23T03:00:02.000Z" };

type Folders = Readonly<Record<string, ReceiptFile[]>>;

/** What a coordinator states, as folders of files; signed by whom its key file's name says. */
export async function makeNotices(signedBy = coordinator): Promise<Folders> {
  const { jobId, jobDigest, runId, policyDigest } = receiptFacts;
  const ended = jobEndNotice({
    ...by,
    job: { id: jobId, owner: "lab", digest: jobDigest },
    outcome: "lost",
    failure: { code: "LEASE_EXPIRED", message: "host sg-1 was not heard for a lease" },
    attempts: 3,
    lastRun: { id: runId, host: "sg-1", country: "SG" },
    decision: { digest: { sha256: "d1".repeat(32) }, policyDigest },
  });
  const details = { before: jobDigest, files: "base.cedar" };
  const applied = actNotice(
    { ...by, id: "act-0123456789abcdef", kind: "policy.apply", details },
    { name: "policy", digest: policyDigest },
  );
  return {
    "job-end": (await makeLogged("job-end", noticeBytes(ended), undefined, signedBy)).files,
    act: (await makeLogged("act", noticeBytes(applied), undefined, signedBy)).files,
  };
}

/** Folders in which somebody states what is another's to state; `digits`, where there, is a host's receipt. */
export async function makeForged(): Promise<Folders> {
  const payload = statementBytes(buildStatement(receiptFacts));
  const { "job-end": ended = [], act = [] } = await makeNotices(host);
  const receipt = await makeLogged("receipt", payload, undefined, coordinator);
  return { ended, act, receipt: receipt.files, revoked: await makeRevoked(host) };
}

/** The same P-256 key in bytes that OpenSSL takes for it too. */
export function otherSpellings(spki: Uint8Array): Readonly<Record<string, Uint8Array>> {
  const [algorithm, x] = [spki.subarray(2, 23), spki.subarray(27, 59)];
  const sign = 2 + ((spki[90] as number) & 1);
  return {
    "a byte behind its end": Uint8Array.of(...spki, 0),
    "its point compressed": Uint8Array.of(0x30, 57, ...algorithm, 3, 34, 0, sign, ...x),
  };
}

/** Not secret here: whoever builds a signer makes the same tree of it. */
export const goldenSeed = Uint8Array.from({ length: seedBytes }, (_, i) => i);

/** A receipt, the tree over its fields, and a file that shows place, time and amount. */
export async function makeDisclosure(): Promise<ReceiptFile[]> {
  const signer = newSigner("ecdsa-p256-sha256");
  const statement = buildStatement(receiptFacts);
  const { files } = await makeLogged("digits", statementBytes(statement), undefined, { signer });
  const [bundleFile, ...others] = files;
  const bundle = parseBundle(bundleFile?.content ?? new Uint8Array());
  const receipt = { envelope: bundle.envelope, statement };
  const { envelope } = sealDisclosure(receipt, goldenSeed, signer);
  const shown = askedFields(["place", "time", "amount"]);
  const beside = { ...bundle, envelope: parseEnvelope(envelope) };
  const content = await disclosureFile(beside, receipt, goldenSeed, shown);
  const { fields, tree } = fieldTree(statement, goldenSeed);
  const leaves = fields.map((field) => ({
    name: field.name,
    salt: toBase64(field.salt),
    hash: toHex(leafHash(fieldLeaf(field))),
  }));
  const known = { seed: toHex(goldenSeed), root: toHex(tree.root), leaves };
  return [
    { name: "digits.sigstore.json", content: bundleFile?.content ?? new Uint8Array() },
    { name: "digits.disclosure.json", content },
    { name: "tree.json", content: canonicalBytes(known) },
    ...others.filter(({ name }) => name.endsWith(".pem") || name === "trusted_root.json"),
  ];
}

/** The folder of a key's receipts at two entries of a log, and a notice that revokes it at one between them. */
export async function makeRevoked(signedBy = coordinator): Promise<ReceiptFile[]> {
  const [signer, logSigner] = [newSigner("ecdsa-p256-sha256"), newSigner("ed25519")];
  const keyId = receiptKeyId(signer.publicKey);
  const payload = statementBytes(buildStatement(receiptFacts));
  const revoked = actNotice(
    { ...by, id: "act-1", kind: "key.revoke", details: { host: "sg-1" } },
    { name: "key", digest: `sha256:${keyId}` },
  );
  const made = await Promise.all([
    makeLogged("early", payload, undefined, { signer, logSigner, index: 4 }),
    makeLogged("late", payload, undefined, { signer, logSigner, index: 7 }),
    makeLogged("notice", noticeBytes(revoked), undefined, { ...signedBy, logSigner, index: 6 }),
  ]);
  return made.flatMap(({ files }) =>
    files.map(({ name, content }) => {
      return { name: name === "notice.sigstore.json" ? `${keyId}.revoked.json` : name, content };
    }),
  );
}

async function makeLogged(
  name: string,
  payload: Uint8Array,
  witness: Cosign = (checkpoint) => ({ checkpoint }),
  {
    signer = newSigner("ecdsa-p256-sha256"),
    logSigner = newSigner("ed25519"),
    index = 6,
    isNotice = false,
  }: { signer?: Signer; logSigner?: Signer; index?: number; isNotice?: boolean } = {},
): Promise<Made> {
  const envelope = sealPayload(payload, signer);
  const entry = entryOf(envelope, signer.publicKey);
  const logKey = verifierKeyOf(logSigner, "log.example.com/quipu");
  const others = Array.from({ length: 10 }, (_, i) => Uint8Array.of(i));
  const entries = [...others.slice(0, index), entry, ...others.slice(index)];
  const { files: tiles, root } = appendEntries(emptyEdge, entries);
  const size = entries.length;
  const published = new Map(tiles.map(({ path, content }) => [path, content]));
  const hashes = await new LogReader(async (path) => published.get(path)).inclusion(index, size);
  const signed = signCheckpoint({ origin: logKey.name, size, root }, logSigner);
  const { checkpoint, policyText } = witness(signed, logKey);
  const proof = { index, size, root, hashes, checkpoint };
  const log = { verifierKey: logKey, policyText };
  const filesOf = isNotice ? noticeFiles : receiptFiles;
  return { envelope, entry, files: filesOf(name, envelope, signer.publicKey, proof, log) };
}
