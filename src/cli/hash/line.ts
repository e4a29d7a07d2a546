/**
 * The lines that b3sum, sha256sum and BSD's tools print. Names are escaped as the tool does it whose line
 * it is: a backslash at the front of the line says that the name has escapes. sha256sum escapes carriage
 * returns too, b3sum 1.2 does not; tag lines follow sha256sum.
 */
import type { HashAlgorithm } from "../../compute/native/hash-options.js";
import type { HashChoices } from "./hash-choices.js";
import type { Digested } from "./outcome.js";

export const tags = { blake3: "BLAKE3", sha256: "SHA256" } as const;

export function linesOf(
  file: Digested,
  { algorithms, form }: Pick<HashChoices, "algorithms" | "form">,
): string[] {
  return algorithms.map((algorithm) => {
    const hex = file[algorithm] ?? "";
    if (form === "bare") return hex;
    const { front, name } = escaped(file.name, form === "plain" ? algorithm : "sha256");
    if (form === "tag") return `${front}${tags[algorithm]} (${name}) = ${hex}`;
    return `${front}${hex}  ${name}`;
  });
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };

function escaped(name: string, as: HashAlgorithm): { front: string; name: string } {
  const odd = as === "blake3" ? /[\\\n]/g : /[\\\n\r]/g;
  const safe = name.replace(odd, (found) => escapes[found] ?? found);
  return { front: safe === name ? "" : "\\", name: safe };
}
