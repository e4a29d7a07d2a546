/** `quipu-coordinator backup FOLDER` and `restore FOLDER`: commands of their own beside the daemon. */
import { parseArgs } from "node:util";
import { QuipuError } from "../base/errors.js";
import { Output } from "../cli/output.js";
import { makeBackup } from "../coordinator/backup/backup.js";
import { restoreBackup } from "../coordinator/backup/restore.js";
import { stateLayout } from "../coordinator/storage.js";
import { openStateFolder } from "../io/store/state-folder.js";
import type { Backup } from "../model/backup.js";
import { packageVersion } from "./daemon-program.js";

const usage = {
  backup:
    "quipu-coordinator backup FOLDER --state DIR [--store ADDRESS] [--shared DIR] [--artifacts DIR] [--json]",
  restore:
    "quipu-coordinator restore FOLDER --state DIR [--store ADDRESS] [--shared DIR] [--artifacts DIR] [--seen FILE] [--json]",
} as const;

export type CopyVerb = keyof typeof usage;

export function isCopyVerb(word: string | undefined): word is CopyVerb {
  return word !== undefined && Object.hasOwn(usage, word);
}

/** Returns the process's exit code. */
export async function runCopy(verb: CopyVerb, argv: readonly string[]): Promise<number> {
  const output = new Output({
    json: argv.includes("--json"),
    quiet: false,
    color: process.stderr.isTTY === true && process.env.NO_COLOR === undefined,
    verbose: false,
    stdout: process.stdout,
    stderr: process.stderr,
  });
  try {
    const asked = parse(verb, argv);
    const backup = verb === "backup" ? await back(asked) : await restore(asked);
    const { log, rows, files, madeAt, artifacts } = backup;
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const counts = `${rows.jobs} jobs, ${rows.receipts} receipts, a log of ${log.size} entries`;
    const how = verb === "backup" ? `backed up to ${asked.folder}` : `restored, as of ${madeAt}`;
    const blobs = artifacts === undefined ? {} : { artifacts };
    const more = artifacts === undefined ? "" : `, ${artifacts.count} artifacts`;
    const value = { madeAt, log, rows, files: files.length, sizeBytes, ...blobs };
    output.result(value, () => `${how}: ${counts}${more}`);
    return 0;
  } catch (thrown) {
    return output.failure(thrown);
  }
}

type Asked = ReturnType<typeof parse>;

function parse(verb: CopyVerb, argv: readonly string[]) {
  const text = { type: "string", default: "" } as const;
  const options = {
    state: { type: "string", default: process.env.QUIPU_STATE ?? "" },
    store: { type: "string", default: process.env.QUIPU_STORE ?? "" },
    shared: { type: "string", default: process.env.QUIPU_SHARED ?? "" },
    artifacts: text,
    ...(verb === "restore" ? { seen: text } : {}),
    json: { type: "boolean", default: false },
  } as const;
  let found: { values: Record<string, unknown>; positionals: string[] };
  try {
    found = parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (cause) {
    throw wrong(verb, cause instanceof Error ? cause.message : String(cause));
  }
  const [folder, ...more] = found.positionals;
  const {
    state,
    store,
    shared,
    artifacts = "",
    seen = "",
  } = found.values as Record<string, string>;
  if (folder === undefined || more.length > 0) throw wrong(verb, "name one folder");
  if (state === undefined || state === "") throw wrong(verb, "--state is missing");
  const kept = { stateFolder: state, store: store ?? "", sharedFolder: shared ?? "", artifacts };
  return { folder, ...kept, seen };
}

function back({ folder, ...kept }: Asked): Promise<Backup> {
  const program = packageVersion();
  return makeBackup({ ...kept, target: folder, program, nowMs: Date.now() });
}

/** No coordinator may be at work in the state folder. */
async function restore({ folder, ...kept }: Asked): Promise<Backup> {
  const state = await openStateFolder(kept.stateFolder, stateLayout);
  try {
    return await restoreBackup({ ...kept, source: folder });
  } finally {
    await state.close();
  }
}

function wrong(verb: CopyVerb, why: string): QuipuError {
  return new QuipuError("USAGE", why, { next: `write: ${usage[verb]}` });
}
