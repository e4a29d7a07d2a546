/**
 * An audit as a folder from which anyone repeats it: the log's files that it read, every statement that it
 * opened as a bundle with its proof, and what was asked and found.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDigest } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { parseStrictJson } from "../../base/strict-json.js";
import type { Findings, Question } from "../../proof/lineage/audit.js";
import type { OpenedLeaf } from "../../proof/lineage/open-leaves.js";
import { noticeFiles, receiptFiles } from "../../proof/receipt/bundle.js";
import type { Stated } from "../../proof/receipt/notice.js";
import type { TileReader } from "../../proof/tlog/tile.js";
import { formatVerifierKey } from "../../proof/tlog/verifier-key.js";
import type { Source } from "./source.js";

const auditName = "audit.json";
const auditVersion = "quipu.dev/audit/v1";
const auditBytesMax = 256 * 1024 * 1024;

export interface AuditFile {
  readonly version: typeof auditVersion;
  /** The log's verifier key, as whoever made the audit knew it. */
  readonly logKey: string;
  readonly question: Question;
  readonly findings: Findings;
}

export function heldFolder(folder: string): string {
  return join(folder, "held");
}

export function logFolder(folder: string): string {
  return join(folder, "log");
}

/** The folder, made if it was not there; what lies in it already would pass for part of the audit. */
export async function openExport(folder: string): Promise<void> {
  await mkdir(heldFolder(folder), { recursive: true });
  const [odd] = (await readdir(folder)).filter((name) => name !== "held");
  const inside = await readdir(heldFolder(folder));
  if (odd === undefined && inside.length === 0) return;
  throw new QuipuError("ALREADY_EXISTS", `${folder} is not empty`, { next: "name a new folder" });
}

/** Keeps each file that is read. */
export function keptFiles(read: TileReader, folder: string): TileReader {
  return async (path) => {
    const content = await read(path);
    if (content === undefined) return undefined;
    const file = join(logFolder(folder), path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    return content;
  };
}

export async function keepBundle(
  folder: string,
  { head, key, checkpoint }: Source,
  { index, envelope, publicKey, stated }: OpenedLeaf,
  hashes: readonly Uint8Array[],
): Promise<void> {
  const proof = { index, size: head.size, root: head.root, hashes, checkpoint };
  const filesOf = "notice" in stated ? noticeFiles : receiptFiles;
  for (const file of filesOf(nameOf(stated), envelope, publicKey, proof, { verifierKey: key })) {
    await writeFile(join(heldFolder(folder), file.name), file.content);
  }
}

function nameOf(stated: Stated): string {
  if ("statement" in stated) return stated.statement.predicate.run.id;
  const { predicate } = stated.notice;
  return "job" in predicate ? predicate.job.id : predicate.id;
}

export async function closeExport(
  folder: string,
  { key }: Source,
  question: Question,
  findings: Findings,
): Promise<void> {
  const logKey = formatVerifierKey(key);
  const value: AuditFile = { version: auditVersion, logKey, question, findings };
  await writeFile(join(folder, auditName), canonicalBytes(value));
}

/** The findings are taken as they stand: whoever reads them derives them again. */
export async function readExport(folder: string): Promise<AuditFile> {
  const path = join(folder, auditName);
  const bytes = await readFile(path).catch((thrown) => {
    throw QuipuError.ofSystem(thrown);
  });
  const value = parseStrictJson(bytes, "audit", auditBytesMax) as Partial<AuditFile> | null;
  const { dataSet, manifest, neverOutside } = Object(value?.question) as Partial<Question>;
  const isSound =
    value?.version === auditVersion &&
    typeof value.logKey === "string" &&
    typeof dataSet === "string" &&
    (manifest === undefined || isDigest(String(manifest))) &&
    (neverOutside === undefined || Array.isArray(neverOutside));
  if (isSound) return value as AuditFile;
  throw new QuipuError("DATA_INVALID", `${path} is no audit of this version`, {
    next: "name a folder that `quipu audit dataset NAME --to FOLDER` wrote",
  });
}
