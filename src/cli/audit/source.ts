/** Where an audit finds the log, the key that it believes, and the statements that are held. */
import { QuipuError } from "../../base/errors.js";
import { publishedFiles } from "../../io/store/log-folder.js";
import type { AuditedLog } from "../../proof/lineage/audit.js";
import { openCheckpoint } from "../../proof/tlog/checkpoint.js";
import { LogReader } from "../../proof/tlog/reader.js";
import type { TileReader } from "../../proof/tlog/tile.js";
import { parseVerifierKey, type VerifierKey } from "../../proof/tlog/verifier-key.js";
import type { Context, Invocation } from "../context.js";
import { remoteFiles } from "../log/remote-log.js";
import { heldByCoordinator, heldInFolder } from "./held.js";

export interface Source extends AuditedLog {
  readonly key: VerifierKey;
  /** The head as its log signed it. */
  readonly checkpoint: string;
}

/** With `--held`, `--log` and `--log-key` no coordinator is asked. */
export async function openSource(
  context: Context,
  { held, log, logKey }: Invocation["options"],
  through: (read: TileReader) => TileReader = (read) => read,
): Promise<Source> {
  const told = log === undefined || logKey === undefined ? await headOf(context) : undefined;
  if (logKey === undefined) {
    context.output.note("the log's key is the coordinator's own word; pin it with --log-key");
  }
  const key = parseVerifierKey(String(logKey ?? told?.verifierKey));
  const address = String(log ?? told?.tilesUrl);
  const read = through(filesAt(address, context.signal));
  const note = await read("checkpoint");
  if (note === undefined) {
    throw new QuipuError("NOT_FOUND", `${address} has no checkpoint of a log`, {
      next: "give the address or the folder of a published log with --log",
    });
  }
  const checkpoint = new TextDecoder().decode(note);
  return {
    key,
    checkpoint,
    head: openCheckpoint(checkpoint, [key]),
    reader: new LogReader(read),
    held:
      held === undefined
        ? heldByCoordinator(await context.coordinator(), context.signal)
        : await heldInFolder(String(held)),
  };
}

async function headOf(context: Context) {
  const { log } = await context.coordinator();
  return await log.getLogHead({});
}

function filesAt(address: string, signal: AbortSignal): TileReader {
  return /^https?:\/\//.test(address) ? remoteFiles(address, signal) : publishedFiles(address);
}
