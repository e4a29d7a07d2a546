/** What the page and `verifyReceipt` say of the same folder. */
import { type Questions, verifyReceipt } from "../src/proof/verify/receipt.js";
import type { Check } from "../src/proof/verify/steps.js";
import { type Trust, trustBeside } from "../src/proof/verify/trust.js";
import { bundleName, bytes, type Folder, pageSays } from "./receipt-page.js";

export const verdicts = (checks: readonly Check[]): string[] =>
  checks.map(({ name, ok }) => `${name} ${ok ? "holds" : "fails"}`);

/** The two reports' checks, each with its verdict, which should be the same. */
export async function bothSay(
  folder: Folder,
  {
    trust,
    questions = {},
    pins = {},
  }: { trust?: Trust; questions?: Questions; pins?: object } = {},
): Promise<{ page: string[]; ours: string[]; first: string | undefined }> {
  const files = Object.entries(folder).map(([name, content]) => ({
    name,
    content: bytes(content),
  }));
  const expected = questions.expected?.map(({ name, value }) => `${name}=${value}`) ?? [];
  const page = await pageSays(folder, { ...pins, expected });
  const decision = folder["digits.decision.json"];
  const asked = decision === undefined ? questions : { ...questions, decision: bytes(decision) };
  const ours = verifyReceipt(bytes(folder[bundleName] ?? ""), trust ?? trustBeside(files), asked);
  return {
    page: verdicts(page.checks),
    ours: verdicts(ours.checks),
    first: ours.firstFailed?.name,
  };
}
