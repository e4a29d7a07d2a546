/** The script of the page that checks receipts, run here without a browser, and folders of files to give it. */

import { File } from "node:buffer";
import { readdirSync, readFileSync } from "node:fs";
import type { Check } from "../src/proof/verify/steps.js";
import { goldenFolder, golden as readGolden } from "./golden-receipt.js";

export const html = readFileSync("web/verify.html", "utf8");
export const inside = (tag: string): string => {
  const found = new RegExp(`<${tag}(?: type="module")?>([^]*?)</${tag}>`).exec(html)?.[1];
  if (found === undefined) throw new Error(`the page has no ${tag}`);
  return found;
};

export interface PageReport {
  readonly file: string;
  readonly ok: boolean;
  readonly trust: string;
  readonly checks: readonly Check[];
  readonly firstFailed?: Check;
  readonly statement?: object;
  readonly notice?: object;
  readonly shown?: { readonly receipt: string; readonly fields: Readonly<Record<string, unknown>> };
  readonly outputsHeld?: readonly string[];
  readonly logKey?: string;
}
type PageVerify = (
  files: readonly File[],
  questions?: object,
) => Promise<{ ok: boolean; receipts: PageReport[]; strangers: string[] }>;

const script = Buffer.from(inside("script")).toString("base64");
await import(`data:text/javascript;base64,${script}`);
export const { verifyFiles } = globalThis as unknown as { verifyFiles: PageVerify };

export type Content = Uint8Array | string;
export interface Folder {
  readonly [name: string]: Content;
}
export const bytes = (content: Content): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;
export const filesOf = (folder: Folder): File[] =>
  Object.entries(folder).map(([name, content]) => new File([content], name));
export const folderOf = (files: readonly { name: string; content: Uint8Array }[]): Folder =>
  Object.fromEntries(files.map(({ name, content }) => [name, content]));

/** What the page says of a folder's receipt. */
export async function pageSays(folder: Folder, questions?: object): Promise<PageReport> {
  const { receipts } = await verifyFiles(filesOf(folder), questions);
  if (receipts[0] === undefined) throw new Error("the page found no receipt");
  return receipts[0];
}

export const bundleName = "digits.sigstore.json";
/** The golden receipt's folder, without what only its makers need. */
export const golden: Folder = Object.fromEntries(
  readdirSync(goldenFolder)
    .filter((name) => /\.(pem|tlog-proof)$|^digits|^trusted/.test(name))
    .map((name) => [name, readGolden(name)]),
);
