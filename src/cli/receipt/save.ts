/** Writes a job's receipt folder: the bundle and everything that an offline check needs. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { bundleSuffix, type ReceiptFile } from "../../proof/receipt/bundle.js";
import type { Context } from "../context.js";

/** Path of the saved bundle. */
export async function saveReceipt(
  context: Context,
  jobId: string,
  folder: string,
): Promise<string> {
  const { log } = await context.coordinator();
  const { files } = await log.getReceipt({ jobId });
  const bundle = await saveFiles(files, folder, bundleSuffix);
  if (bundle !== undefined) return bundle;
  throw new QuipuError("NOT_FOUND", `job ${jobId} has no receipt bundle yet`, {
    next: `wait for it with \`quipu job wait ${jobId}\``,
  });
}

/** Path of the one whose name ends so. */
export async function saveFiles(
  files: readonly ReceiptFile[],
  folder: string,
  suffix: string,
): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  let wanted: string | undefined;
  for (const { name, content } of files) {
    // Names come from another machine: they must not lead out of the folder.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
      throw new QuipuError(
        "DATA_INVALID",
        `the receipt file name ${JSON.stringify(name)} is no file name`,
      );
    }
    const path = join(folder, name);
    await writeFile(path, content);
    if (name.endsWith(suffix)) wanted = path;
  }
  return wanted;
}
