/** What the options of `quipu hash` ask for, once it is known that they go together. */
import { QuipuError } from "../../base/errors.js";
import { type HashAlgorithm, outputBytesMax } from "../../compute/native/hash-options.js";
import type { Invocation } from "../context.js";

export interface HashChoices {
  /** In the order in which they are printed. */
  readonly algorithms: readonly HashAlgorithm[];
  /** `HEX  PATH`, `BLAKE3 (PATH) = HEX`, or `HEX` alone. */
  readonly form: "plain" | "tag" | "bare";
  readonly key?: Uint8Array | undefined;
  readonly context: string | undefined;
  /** Bytes of a BLAKE3 digest; 32 unless given. */
  readonly length: number | undefined;
  /** Links and special files inside folders are passed over without an error. */
  readonly skipLinks: boolean;
}

const flags = {
  "--sha256": "sha256",
  "--both": "both",
  "--tag": "tag",
  "--no-names": "names",
  "--length": "length",
  "--keyed": "keyed",
  "--derive-key": "deriveKey",
  "--check": "check",
} as const;
type Flag = keyof typeof flags;

/** A line that names its algorithm must not name a keyed or shorter hash; SHA-256 knows neither. */
const special: readonly Flag[] = ["--length", "--keyed", "--derive-key"];
const exclusions: readonly (readonly [Flag, readonly Flag[]])[] = [
  ["--check", [...special, "--tag", "--both", "--no-names"]],
  ["--sha256", [...special, "--both"]],
  ["--both", [...special, "--no-names"]],
  ["--tag", [...special, "--no-names"]],
  ["--keyed", ["--derive-key"]],
];

export function chooseHash(options: Invocation["options"], paths: readonly string[]): HashChoices {
  // `--no-names` is commander's way of saying names: false.
  const given = (flag: Flag): boolean => {
    const value = options[flags[flag]];
    return flag === "--no-names" ? value === false : value !== undefined && value !== false;
  };
  for (const [flag, others] of exclusions) {
    const other = given(flag) ? others.find(given) : undefined;
    if (other !== undefined) throw usage(`${flag} and ${other} exclude each other`);
  }
  if (given("--keyed") && (paths.length === 0 || paths.includes("-"))) {
    throw usage("with --keyed standard input is the key: name the files to hash");
  }
  const both = given("--both");
  return {
    algorithms: both ? ["blake3", "sha256"] : given("--sha256") ? ["sha256"] : ["blake3"],
    form: both || given("--tag") ? "tag" : given("--no-names") ? "bare" : "plain",
    context: options.deriveKey as string | undefined,
    length: lengthOf(options.length),
    skipLinks: options.links === "skip",
  };
}

function lengthOf(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const length = /^\d{1,7}$/.test(String(text)) ? Number(text) : 0;
  if (length >= 1 && length <= outputBytesMax) return length;
  throw usage(`--length takes 1 to ${outputBytesMax} bytes, not ${text}`);
}

function usage(message: string): QuipuError {
  return new QuipuError("USAGE", message, { next: "see `quipu hash --help`" });
}
