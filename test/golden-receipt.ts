/** The golden receipt, and its files as an offline check reads them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { trustBeside } from "../src/proof/verify/trust.js";

export const goldenFolder = "test/vectors/receipt";

export function golden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(goldenFolder, name)));
}

export const goldenFiles = readdirSync(goldenFolder)
  .filter((name) => /\.(pem|json|tlog-proof)$/.test(name))
  .map((name) => ({ name, content: golden(name) }));
export const trust = trustBeside(goldenFiles);

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
