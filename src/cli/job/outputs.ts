/** `quipu job outputs JOB --to DIR`: downloads a finished job's outputs. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseDigest } from "../../base/bytes.js";
import { errorCodes, QuipuError } from "../../base/errors.js";
import { relativePath } from "../../model/name.js";
import { downloadFile } from "../artifact/get.js";
import { ownFinding } from "../audit/audit-view.js";
import type { Context, VerbAction } from "../context.js";
import { destinationCountry } from "../destination.js";
import { bytesText } from "../table.js";
import { getJob } from "./show.js";

export const action: VerbAction = async (context, invocation) => {
  const [id = ""] = invocation.args;
  const folder = String(invocation.options.to);
  const country = await destinationCountry(context, invocation);
  const recipient = String(invocation.options.recipient ?? "");
  const files = await downloadOutputs(context, id, folder, { country, recipient });
  context.output.result({ folder, files }, () =>
    files.map(({ path, sizeBytes }) => `${path}  ${bytesText(sizeBytes)}`).join("\n"),
  );
  const { audit } = await getJob(context, id);
  if (audit === null || ownFinding(audit) !== "wrong") return 0;
  context.output.note(
    `these are not to be relied on: other hosts came to something else (quipu audit show ${id}); next: quipu job retry ${id}`,
  );
  return errorCodes.VERIFICATION_FAILED.exit;
};

export interface SavedOutput {
  readonly name: string;
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Saves every output of a job into `folder`; each is checked as an export and by its digest. */
export async function downloadOutputs(
  context: Context,
  id: string,
  folder: string,
  to: { readonly country: string; readonly recipient?: string },
): Promise<SavedOutput[]> {
  const { jobs } = await context.coordinator();
  const { country: destinationCountry, recipient = "" } = to;
  const { outputs } = await jobs.grantOutputs({ id, destinationCountry, recipient });
  await mkdir(folder, { recursive: true });
  const saved: SavedOutput[] = [];
  for (const { artifact, url, token } of outputs) {
    if (artifact === undefined) throw new Error("a grant was answered without its artifact");
    const { name, digest, sizeBytes } = artifact;
    // The name comes from another machine: it must not lead out of the folder.
    if (!relativePath.safeParse(name).success || name.includes("/")) {
      throw new QuipuError(
        "DATA_INVALID",
        `the output name ${JSON.stringify(name)} is no file name`,
      );
    }
    const path = join(folder, name);
    await downloadFile(context, { url, token, digest: parseDigest(digest), path });
    saved.push({ name, path, digest, sizeBytes: Number(sizeBytes) });
  }
  return saved;
}
