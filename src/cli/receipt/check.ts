/** Reads one receipt bundle and checks it offline with the keys beside it, or with pinned ones. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import {
  bundleBytesMax,
  bundleSuffix,
  decisionSuffix,
  noticeKeySuffix,
  parsePem,
  type ReceiptFile,
  receiptKeySuffix,
  revokedSuffix,
  trustedRootName,
  trustPolicyName,
} from "../../proof/receipt/bundle.js";
import { isDisclosureFile } from "../../proof/receipt/disclosure-file.js";
import { parseVerifierKey } from "../../proof/tlog/verifier-key.js";
import { verifyDisclosure } from "../../proof/verify/disclosure.js";
import { parseExpectation } from "../../proof/verify/expect.js";
import { type Questions, type Report, verifyReceipt } from "../../proof/verify/receipt.js";
import type { Check } from "../../proof/verify/steps.js";
import { type Trust, trustBeside } from "../../proof/verify/trust.js";
import { digestOfFile } from "../artifact/file-digest.js";
import type { Invocation } from "../context.js";
import { readTrustPolicy } from "../log/trust-policy-file.js";

/** The report of one bundle, with the keys beside it unless `options` pin others. */
export async function verifyBundle(
  file: string,
  options: Invocation["options"] = {},
): Promise<Report> {
  const bundle = await readBundle(file);
  const trust = await trustFor(dirname(file), options);
  const verify = isDisclosureFile(bundle) ? verifyDisclosure : verifyReceipt;
  return verify(bundle, trust, await questionsFor(file, options));
}

/** The first thing wrong, save that witnesses are on their way, or away: what it says can be read meanwhile. */
export function faultOf({ checks }: Report): Check | undefined {
  return checks.find(({ name, ok }) => !ok && name !== "witnesses");
}

export async function readBundle(file: string): Promise<Uint8Array> {
  const facts = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new QuipuError("NOT_FOUND", `the receipt ${file} cannot be read: ${cause.message}`, {
      next: "save a job's receipt with `quipu receipt export JOB --to FOLDER`",
      cause,
    });
  });
  if (!facts.isFile() || facts.size > bundleBytesMax) {
    throw new QuipuError("INVALID_ARGUMENT", `${file} is no receipt bundle`, {
      next: "name a file that ends in .sigstore.json or .disclosure.json",
    });
  }
  return await readFile(file);
}

/** The decision record lies beside the bundle, where `quipu receipt export` has put it. */
async function questionsFor(file: string, options: Invocation["options"]): Promise<Questions> {
  const beside = file.endsWith(bundleSuffix)
    ? `${file.slice(0, -bundleSuffix.length)}${decisionSuffix}`
    : undefined;
  const paths = (options.file as readonly string[] | undefined) ?? [];
  const outputs = paths.map(async (path) => {
    return { name: basename(path), digest: (await digestOfFile(path)).digest };
  });
  return {
    decision: beside === undefined ? undefined : await readIfThere(beside),
    outputs: await Promise.all(outputs),
    expected: ((options.expect as readonly string[] | undefined) ?? []).map(parseExpectation),
  };
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return await readFile(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return undefined;
    throw QuipuError.ofSystem(thrown);
  });
}

async function trustFor(folder: string, options: Invocation["options"]): Promise<Trust> {
  const trust = await keysFor(folder, options);
  if (options.witnesses === undefined) return trust;
  const { policy } = await readTrustPolicy(String(options.witnesses));
  return { ...trust, policy };
}

async function keysFor(folder: string, options: Invocation["options"]): Promise<Trust> {
  const { key, noticeKey, logKey } = options;
  const isPinned = key !== undefined || noticeKey !== undefined;
  if (isPinned !== (logKey !== undefined)) {
    throw new QuipuError("USAGE", "keys of signers and of the log pin who is believed together", {
      next: "give --log-key, and --key or --notice-key or both; or none of them",
    });
  }
  const beside = await besideFiles(folder);
  if (!isPinned) return trustBeside(beside);
  // What revokes a key counts by the pinned notice key only, and is not passed over without one.
  const { revocations } = trustBeside(beside.filter(({ name }) => name.endsWith(revokedSuffix)));
  return {
    receiptKeys: await keysIn(key),
    noticeKeys: await keysIn(noticeKey),
    logKeys: [parseVerifierKey(String(logKey))],
    revocations: revocations ?? [],
    source: "pinned",
  };
}

/** The keys in the files that an option names. */
export async function keysIn(option: unknown): Promise<readonly Uint8Array[]> {
  const files = option === undefined ? [] : [option].flat().map(String);
  return await Promise.all(files.map(async (file) => parsePem(await readFile(file, "utf8"))));
}

async function besideFiles(folder: string): Promise<readonly ReceiptFile[]> {
  const suffixes = [receiptKeySuffix, noticeKeySuffix, revokedSuffix];
  const names = (await readdir(folder)).filter((name) => {
    const isNamed = name === trustedRootName || name === trustPolicyName;
    return isNamed || suffixes.some((suffix) => name.endsWith(suffix));
  });
  return await Promise.all(
    names.map(async (name) => ({ name, content: await readFile(join(folder, name)) })),
  );
}
