/** `quipu log fsck [FOLDER]`: reads a whole log as a stranger can and recomputes all of it. */
import { errorCodes, QuipuError } from "../../base/errors.js";
import { publishedFiles } from "../../io/store/log-folder.js";
import { fsckLog } from "../../proof/tlog/fsck.js";
import type { TileReader } from "../../proof/tlog/tile.js";
import { parseVerifierKey } from "../../proof/tlog/verifier-key.js";
import type { VerbAction } from "../context.js";
import { remoteFiles } from "./remote-log.js";

export const action: VerbAction = async (context, { args, options }) => {
  const folder = args[0];
  const pinned = options.key as string | undefined;
  const { read, key } =
    folder === undefined ? await coordinatorLog(context, pinned) : folderLog(folder, pinned);
  const report = await fsckLog(read, [parseVerifierKey(key)]);
  context.output.result(report, () => {
    const { origin, size, filesChecked, problems } = report;
    const head = `${origin}: ${size} entries, ${filesChecked} files checked`;
    return problems.length === 0
      ? `${head}: all well`
      : [head, ...problems.map((p) => `  ${p}`)].join("\n");
  });
  return report.ok ? 0 : errorCodes.LOG_CORRUPT.exit;
};

function folderLog(folder: string, key: string | undefined): { read: TileReader; key: string } {
  if (key === undefined) {
    throw new QuipuError("USAGE", "a log in a folder is checked against a key that you know", {
      next: "give the verifier key with --key (`quipu log head` shows a coordinator's)",
    });
  }
  return { read: publishedFiles(folder), key };
}

async function coordinatorLog(context: Parameters<VerbAction>[0], pinned: string | undefined) {
  const { log } = await context.coordinator();
  const { tilesUrl, verifierKey } = await log.getLogHead({});
  const read = remoteFiles(tilesUrl, context.signal);
  return { read, key: pinned ?? verifierKey };
}
