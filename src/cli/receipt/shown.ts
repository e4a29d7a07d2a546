/** What a disclosure shows, a line a field. */
import { canonicalJson } from "../../base/canonical-json.js";
import type { Shown } from "../../proof/verify/receipt.js";
import { printable } from "../table.js";

export function shownLines({ fields }: Shown): readonly string[] {
  const width = Math.max(...[...fields.keys()].map((name) => name.length));
  return [...fields].map(([name, value]) => `${name.padEnd(width)}  ${valueText(value)}`);
}

function valueText(value: unknown): string {
  if (value === null) return "(the receipt says nothing of it)";
  return printable(typeof value === "string" ? value : canonicalJson(value));
}
