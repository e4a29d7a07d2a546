/** What a verb of the command line is, and the options that several share. */
import type { VerbAction } from "./context.js";
import type { ExtraForm } from "./output.js";

export interface VerbOption {
  /** Commander's notation: `--to <folder>`. */
  readonly flags: string;
  readonly help: string;
  readonly choices?: readonly string[];
  readonly required?: boolean;
  readonly default?: string;
  /** May be given more than once; its value is the list of all. */
  readonly repeatable?: boolean;
}

export interface Verb {
  /** `job ls`: a noun and a verb, or a verb alone. */
  readonly name: string;
  /** Commander's notation: `<job>`, `[file...]`. */
  readonly args: string;
  readonly help: string;
  readonly options?: readonly VerbOption[];
  /** What `-o` may ask it for besides a table and JSON. */
  readonly forms?: readonly ExtraForm[];
  /** Its arguments are paths, which need not be UTF-8. */
  readonly anyPaths?: boolean;
  readonly load: () => Promise<{ readonly action: VerbAction }>;
}

export const country: VerbOption = {
  flags: "--country <code>",
  help: "ISO 3166-1 alpha-2, for example SG",
};
export const destination: VerbOption = {
  ...country,
  help: "country that the bytes go to (QUIPU_COUNTRY; default: where `quipu up` said this machine stands)",
};
export const recipient: VerbOption = {
  flags: "--recipient <name>",
  help: "who will hold the bytes there, where a rule asks",
};
export const key: VerbOption = {
  flags: "--key <key>",
  help: "idempotency key (default: a new one)",
};
export const detach: VerbOption = { flags: "--detach", help: "return once the jobs are admitted" };

export const shape: VerbOption = {
  flags: "--shape <name=sizes>",
  help: "shape of an input (x=1,3,224,224) or size of an open axis (batch=8); repeatable",
  repeatable: true,
};
export const input: VerbOption = {
  flags: "--input <name=file>",
  help: "an input from FILE.npy, FILE.safetensors[:TENSOR] or FILE.csv[.gz]; repeatable",
  repeatable: true,
};
export const random: VerbOption = {
  flags: "--random <seed>",
  help: "numbers by this seed for inputs that are not given; the same everywhere",
};
export const backend: VerbOption = {
  flags: "--backend <backend>",
  help: "what computes; the bits are the same",
  choices: ["auto", "portable", "avx2", "avx512", "cuda"],
  default: "auto",
};

export const policy: VerbOption = {
  flags: "--policy <path>",
  help: "a policy file, or a folder of them, in place of the set in force; repeatable",
  repeatable: true,
};

export const fast: VerbOption = {
  flags: "--fast <precision>",
  help: "matrix products on tensor cores, with --backend cuda; the bits may differ each time",
  choices: ["tf32", "bf16"],
};

export const cordonReason: VerbOption = {
  flags: "--reason <text>",
  help: "for whoever asks why",
  default: "no reason given",
};
