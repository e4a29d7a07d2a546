/** Where an audit finds the log, the key that it believes, and the statements that are held. */
import { QuipuError } from "../../base/errors.js";
import { publishedFiles } from "../../io/store/log-folder.js";
import type { ReadLog } from "../../proof/lineage/open-leaves.js";
import { openCheckpoint } from "../../proof/tlog/checkpoint.js";
import { LogReader } from "../../proof/tlog/reader.js";
import type { TileReader } from "../../proof/tlog/tile.js";
import { parseVerifierKey, type VerifierKey } from "../../proof/tlog/verifier-key.js";
import { checkWitnesses } from "../../proof/verify/in-log.js";
import type { Context, Invocation } from "../context.js";
import { remoteFiles } from "../log/remote-log.js";
import { readTrustPolicy } from "../log/trust-policy-file.js";
import { keysIn } from "../receipt/check.js";
import { heldByCoordinator, heldInFolder, noticeKeysIn } from "./held.js";

export interface Source extends ReadLog {
  readonly key: VerifierKey;
  /** The head as its log signed it. */
  readonly checkpoint: string;
}

/**
 * With `--held`, `--log` and `--log-key` no coordinator is asked. Keys that no flag gives are somebody's word;
 * `keyBeside`: the log's, as a folder has it.
 */
export async function openSource(
  context: Context,
  { held, log, logKey, keyBeside, noticeKey, witnesses }: Invocation["options"],
  through: (read: TileReader) => TileReader = (read) => read,
): Promise<Source> {
  const beside = held === undefined ? undefined : await noticeKeysIn(String(held));
  const keys = noticeKey === undefined ? beside : await keysIn(noticeKey);
  const given = logKey ?? keyBeside;
  const isTold = log === undefined || given === undefined || keys === undefined;
  const told = isTold ? await headOf(context) : undefined;
  if (logKey === undefined) tellUnpinned(context, "log", keyBeside);
  if (noticeKey === undefined) tellUnpinned(context, "notice", beside);
  const key = parseVerifierKey(String(given ?? told?.verifierKey));
  const address = String(log ?? told?.tilesUrl);
  const read = through(filesAt(address, context.signal));
  const note = await read("checkpoint");
  if (note === undefined) {
    throw new QuipuError("NOT_FOUND", `${address} has no checkpoint of a log`, {
      next: "give the address or the folder of a published log with --log",
    });
  }
  const checkpoint = new TextDecoder().decode(note);
  if (witnesses !== undefined) {
    const { policy } = await readTrustPolicy(String(witnesses));
    checkWitnesses(checkpoint, policy);
  }
  return {
    key,
    checkpoint,
    head: openCheckpoint(checkpoint, [key]),
    reader: new LogReader(read),
    held:
      held === undefined
        ? heldByCoordinator(await context.coordinator(), context.signal)
        : await heldInFolder(String(held)),
    noticeKeys: keys ?? (told === undefined ? [] : [told.noticeKey]),
  };
}

function tellUnpinned({ output }: Context, name: string, beside: unknown): void {
  const word =
    beside === undefined ? "is the coordinator's own word" : "came with what it is to prove";
  output.note(`the ${name} key ${word}; pin it with --${name}-key`);
}

async function headOf(context: Context) {
  const { log } = await context.coordinator();
  return await log.getLogHead({});
}

function filesAt(address: string, signal: AbortSignal): TileReader {
  return /^https?:\/\//.test(address) ? remoteFiles(address, signal) : publishedFiles(address);
}
