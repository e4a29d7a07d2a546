/**
 * Makes the golden receipt files in this folder. Run it only when the format changes on purpose: the
 * keys are new each time and thrown away, so every file changes.
 *
 *   node dist/test/vectors/receipt/make.js test/vectors/receipt
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalBytes } from "../../../src/base/canonical-json.js";
import { newSigner } from "../../../src/io/identity/signer.js";
import { type JobSpec, jobDigest, jobSpec } from "../../../src/model/job.js";
import type { RunFacts } from "../../../src/model/run.js";
import { receiptFiles } from "../../../src/proof/receipt/bundle.js";
import { entryOf, sealEnvelope } from "../../../src/proof/receipt/envelope.js";
import { buildStatement } from "../../../src/proof/receipt/statement.js";
import { appendEntries, emptyEdge } from "../../../src/proof/tlog/append.js";
import { signCheckpoint } from "../../../src/proof/tlog/checkpoint.js";
import { verifierKeyOf } from "../../../src/proof/tlog/note.js";
import { LogReader } from "../../../src/proof/tlog/reader.js";

const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: make.js FOLDER");

const job: JobSpec = jobSpec.parse(JSON.parse(readFileSync(join(folder, "job.json"), "utf8")));
const facts: RunFacts = {
  runId: "run-0123456789abcdef",
  epoch: 2,
  jobId: "job-0123456789abcdef",
  jobDigest: jobDigest(job),
  job,
  host: "sg-1",
  place: { country: "SG", zone: "sg-west", site: "private", grade: "operator-asserted" },
  agentVersion: "0.1.0",
  decisionDigest: `sha256:${"d1".repeat(32)}`,
  policyDigest: `sha256:${"d2".repeat(32)}`,
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
  usage: { wallMs: 1250, cpuMs: 2400, inputBytes: 1_048_576, outputBytes: 3008 },
};

const signer = newSigner("ecdsa-p256-sha256");
const envelope = sealEnvelope(buildStatement(facts), signer);
const entry = entryOf(envelope, signer.publicKey);
const logSigner = newSigner("ed25519");
const logKey = verifierKeyOf(logSigner, "log.example.com/quipu");
const others = Array.from({ length: 10 }, (_, i) => Uint8Array.of(i));
const { files, root } = appendEntries(emptyEdge, [...others.slice(0, 6), entry, ...others.slice(6)]);
const size = others.length + 1;
const index = 6;
const published = new Map(files.map(({ path, content }) => [path, content]));
const hashes = await new LogReader(async (path) => published.get(path)).inclusion(index, size);
const checkpoint = signCheckpoint({ origin: logKey.name, size, root }, logSigner);
const proof = { index, size, root, hashes, checkpoint };

const write = (name: string, content: Uint8Array): void => writeFileSync(join(folder, name), content);
write("facts.json", canonicalBytes(facts));
write("statement.json", canonicalBytes(buildStatement(facts)));
write("envelope.json", envelope);
write("entry.json", entry);
for (const file of receiptFiles("digits", envelope, signer.publicKey, proof, logKey)) {
  write(file.name, file.content);
}
