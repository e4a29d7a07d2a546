/**
 * `quipu log monitor ADDRESS --key VKEY`: follows a log from one checkpoint to the next. It reads every new
 * entry, and says so at once when the log forks, falls behind what it has shown, or serves what its tree
 * does not hold. What was believed last is kept in a file, so that the next start goes on from there.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { equalBytes } from "../../base/bytes.js";
import { errorCodes, QuipuError } from "../../base/errors.js";
import { openDurableFolder } from "../../io/store/durable-folder.js";
import { type Following, followLog } from "../../proof/tlog/follow.js";
import { forkBytes } from "../../proof/tlog/fork.js";
import { leafHash } from "../../proof/tlog/hash.js";
import { LogReader } from "../../proof/tlog/reader.js";
import { parseVerifierKey, type VerifierKey } from "../../proof/tlog/verifier-key.js";
import type { Context, VerbAction } from "../context.js";
import { remoteFiles } from "./remote-log.js";

interface Followed {
  readonly address: string;
  readonly key: VerifierKey;
  /** Where the newest checkpoint is kept. */
  readonly folder: Awaited<ReturnType<typeof openDurableFolder>>;
  /** Where a proof of a fork is written. */
  readonly proofFile: string;
}

const headName = "checkpoint";
const entriesPerReadMax = 4096;

export const action: VerbAction = async (context, { args, options }) => {
  const everyMs = Number(options.every) * 1000;
  if (!(everyMs >= 100 && everyMs <= 86_400_000)) {
    throw new QuipuError("USAGE", `--every ${options.every} is not seconds from 0.1 to 86400`);
  }
  const state = String(options.state);
  const followed: Followed = {
    address: String(args[0]),
    key: parseVerifierKey(String(options.key)),
    folder: await openDurableFolder(state),
    proofFile: `${state}/fork.json`,
  };
  for (;;) {
    const seen = await look(context, followed).catch((thrown: unknown) => {
      // Out of reach for a while is no news; everything else is what a monitor is for.
      const error = QuipuError.from(thrown);
      if (options.once === true || error.code !== "UNAVAILABLE") throw error;
      context.output.note(error.message);
      return undefined;
    });
    if (seen === "alarm") return errorCodes.VERIFICATION_FAILED.exit;
    if (options.once === true || context.signal.aborted) return 0;
    await sleep(everyMs, undefined, { signal: context.signal }).catch(() => undefined);
    if (context.signal.aborted) return 0;
  }
};

async function look(context: Context, followed: Followed): Promise<"well" | "alarm"> {
  const { folder, key, proofFile } = followed;
  const files = remoteFiles(followed.address, context.signal);
  const [known, shown] = [text(await folder.get(headName)), text(await files(headName))];
  if (shown === undefined) {
    throw new QuipuError("NOT_FOUND", `${followed.address} serves no checkpoint`);
  }
  const reader = new LogReader(files);
  const found = await followLog(reader, known, shown, [key]);
  if (found.kind === "grown") {
    await readAdded(reader, found);
    await folder.put(headName, new TextEncoder().encode(shown));
  } else if (found.kind === "forked") {
    await writeFile(proofFile, forkBytes(found.proof));
  }
  const value = {
    origin: key.name,
    ...facts(found),
    ...(found.kind === "forked" && { proofFile }),
  };
  context.output.result(value, () => sentence(found, proofFile));
  return found.kind === "grown" ? "well" : "alarm";
}

/** Every new entry is the leaf that the tree has for it. */
async function readAdded(reader: LogReader, { size, added }: { size: number; added: number }) {
  for (let first = size - added; first < size; first += entriesPerReadMax) {
    const end = Math.min(size, first + entriesPerReadMax);
    const leaves = await reader.leafHashes(first, end, size);
    const entries = await reader.entries(first, end, size);
    const wrong = entries.findIndex((entry, at) => {
      return !equalBytes(leafHash(entry), leaves[at] as Uint8Array);
    });
    if (wrong < 0) continue;
    const why = `entry ${first + wrong} is not the one that the log's tree holds`;
    throw new QuipuError("LOG_CORRUPT", why, { next: "compare with `quipu log fsck`" });
  }
}

function facts(found: Following): object {
  return found.kind === "forked" ? { kind: found.kind } : found;
}

function sentence(found: Following, proofFile: string): string {
  if (found.kind === "grown") return `${found.size} entries, ${found.added} of them new: all well`;
  if (found.kind === "behind") {
    return `ALARM: it shows ${found.size} entries, and has shown more: an old copy, or set back`;
  }
  return `ALARM: it has forked; the proof is in ${proofFile} (\`quipu log fork\` checks it)`;
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}
