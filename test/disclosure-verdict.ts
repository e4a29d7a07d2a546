/** The golden disclosure, and what its verifier says of others. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { verifyDisclosure } from "../src/proof/verify/disclosure.js";
import type { Questions } from "../src/proof/verify/receipt.js";
import { type Trust, trustBeside } from "../src/proof/verify/trust.js";

export const folder = "test/vectors/disclosure";

export const files = readdirSync(folder).map((name) => {
  return { name, content: new Uint8Array(readFileSync(join(folder, name))) };
});

export const trust = trustBeside(files.filter(({ name }) => !name.startsWith("digits.")));

export function verdict(
  bytes: Uint8Array,
  with_: Trust = trust,
  questions: Questions = {},
): string {
  const { ok, firstFailed } = verifyDisclosure(bytes, with_, questions);
  return ok ? "ok" : `${firstFailed?.name}: ${firstFailed?.text}`;
}
