/** Every verb of the command line, in the order that help shows them. Code is loaded when it runs. */
import type { VerbAction } from "./context.js";

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
  /** Its arguments are paths, which need not be UTF-8. */
  readonly anyPaths?: boolean;
  readonly load: () => Promise<{ readonly action: VerbAction }>;
}

const country: VerbOption = {
  flags: "--country <code>",
  help: "ISO 3166-1 alpha-2, for example SG",
};
const destination: VerbOption = {
  ...country,
  help: "country that the bytes go to (QUIPU_COUNTRY; default: where `quipu up` said this machine stands)",
};
const detach: VerbOption = { flags: "--detach", help: "return once the jobs are admitted" };

const shape: VerbOption = {
  flags: "--shape <name=sizes>",
  help: "shape of an input (x=1,3,224,224) or size of an open axis (batch=8); repeatable",
  repeatable: true,
};
const input: VerbOption = {
  flags: "--input <name=file>",
  help: "an input from FILE.npy, FILE.safetensors[:TENSOR] or FILE.csv[.gz]; repeatable",
  repeatable: true,
};
const random: VerbOption = {
  flags: "--random <seed>",
  help: "numbers by this seed for inputs that are not given; the same everywhere",
};
const backend: VerbOption = {
  flags: "--backend <backend>",
  help: "what computes; the bits are the same",
  choices: ["auto", "portable", "avx2", "avx512", "cuda"],
  default: "auto",
};

const fast: VerbOption = {
  flags: "--fast <precision>",
  help: "matrix products on tensor cores, with --backend cuda; the bits may differ each time",
  choices: ["tf32", "bf16"],
};

const cordonReason: VerbOption = {
  flags: "--reason <text>",
  help: "for whoever asks why",
  default: "no reason given",
};

export const verbs: readonly Verb[] = [
  {
    name: "demo",
    args: "",
    help: "start three hosts in three countries here, run jobs, verify receipts",
    options: [
      { flags: "--once", help: "stop everything when the story has been told" },
      {
        flags: "--folder <folder>",
        help: "where states, data and receipts go (default: a new one)",
      },
    ],
    load: () => import("./demo/demo.js"),
  },
  {
    name: "up",
    args: "",
    help: "start a coordinator and an agent on this machine",
    options: [
      { ...country, help: "where this machine stands (ISO 3166-1 alpha-2)", required: true },
      {
        flags: "--site <site>",
        help: "whose it is",
        choices: ["private", "public"],
        default: "private",
      },
      { flags: "--name <host>", help: "name of this host (default: the machine's name)" },
      { flags: "--data <folder>", help: "folder whose subfolders are this host's data sets" },
    ],
    load: () => import("./service/up.js"),
  },
  {
    name: "down",
    args: "",
    help: "stop what `quipu up` started",
    load: () => import("./service/down.js"),
  },
  {
    name: "status",
    args: "",
    help: "coordinator, hosts and jobs at a glance, with what needs care",
    load: () => import("./service/status.js"),
  },
  {
    name: "run",
    args: "<file...>",
    help: "run the jobs of these files; waits and exits with the job's own code",
    options: [detach, { flags: "--key <key>", help: "idempotency key (default: a new one)" }],
    load: () => import("./job/run.js"),
  },
  {
    name: "plan",
    args: "<file...>",
    help: "where these jobs would run, and why not elsewhere; starts nothing",
    load: () => import("./job/plan.js"),
  },
  {
    name: "why",
    args: "<job|file>",
    help: "why a job is where it is, and the first rule that kept each other host out",
    options: [
      {
        flags: "--host <host>",
        help: "what this one host is to the job: when it was placed, or now while it waits",
      },
    ],
    load: () => import("./job/why.js"),
  },
  {
    name: "job ls",
    args: "",
    help: "jobs, newest first",
    options: [{ flags: "--limit <count>", help: "at most this many", default: "50" }],
    load: () => import("./job/ls.js"),
  },
  {
    name: "job show",
    args: "<job>",
    help: "everything about one job",
    load: () => import("./job/show.js"),
  },
  {
    name: "job logs",
    args: "<job>",
    help: "what a job printed",
    options: [{ flags: "-f, --follow", help: "go on until the job ends" }],
    load: () => import("./job/logs.js"),
  },
  {
    name: "job cancel",
    args: "<job>",
    help: "stop a job",
    options: [
      { flags: "--reason <text>", help: "kept with the job", default: "cancelled by its owner" },
    ],
    load: () => import("./job/cancel.js"),
  },
  {
    name: "job wait",
    args: "<job>",
    help: "wait until a job ends; exits with its code",
    load: () => import("./job/wait.js"),
  },
  {
    name: "job outputs",
    args: "<job>",
    help: "download a job's outputs",
    options: [{ flags: "--to <folder>", help: "where the files go", required: true }, destination],
    load: () => import("./job/outputs.js"),
  },
  {
    name: "artifact put",
    args: "<file>",
    help: "store a file with the coordinator, under its digest",
    load: () => import("./artifact/put.js"),
  },
  {
    name: "artifact get",
    args: "<digest>",
    help: "fetch a stored file",
    options: [{ flags: "--to <file>", help: "where it goes", required: true }, destination],
    load: () => import("./artifact/get.js"),
  },
  { name: "artifact ls", args: "", help: "stored files", load: () => import("./artifact/ls.js") },
  {
    name: "host ls",
    args: "",
    help: "hosts, where they stand and what they do",
    load: () => import("./host/ls.js"),
  },
  {
    name: "host show",
    args: "<host>",
    help: "one host, with its latest telemetry",
    load: () => import("./host/show.js"),
  },
  {
    name: "host cordon",
    args: "<host>",
    help: "no new runs there; what runs may end",
    options: [cordonReason],
    load: () => import("./host/cordon.js"),
  },
  {
    name: "host drain",
    args: "<host>",
    help: "no new runs there, and what is not over in time is placed elsewhere",
    options: [
      cordonReason,
      { flags: "--within <seconds>", help: "time that runs there have to end", default: "600" },
    ],
    load: () => import("./host/drain.js"),
  },
  {
    name: "host uncordon",
    args: "<host>",
    help: "it takes runs again",
    load: () => import("./host/uncordon.js"),
  },
  {
    name: "data add",
    args: "<folder>",
    help: "register a data set: digest its files and say where it may be processed",
    options: [
      {
        flags: "--name <name>",
        help: "its name, equal to its folder's name on each host",
        required: true,
      },
      {
        flags: "--class <class>",
        help: "how it is protected",
        choices: ["public", "internal", "personal", "sensitive"],
        required: true,
      },
      {
        flags: "--countries <codes>",
        help: "where it may be processed, for example SG,CL",
        default: "",
      },
      { flags: "--owner <owner>", help: "whose it is", default: "local" },
      { flags: "--manifest <file>", help: "also write the manifest there" },
    ],
    load: () => import("./data/add.js"),
  },
  {
    name: "data manifest",
    args: "<folder>",
    help: "what a folder holds: sizes, digests and their Merkle root; registers nothing",
    options: [
      {
        flags: "--format <format>",
        help: "quipu, or the statement that OpenSSF model-signing reads",
        choices: ["quipu", "model-signing"],
        default: "quipu",
      },
      { flags: "--to <file>", help: "write it there, not to stdout" },
    ],
    load: () => import("./data/manifest.js"),
  },
  {
    name: "data verify",
    args: "<folder|name>",
    help: "is a folder still what its manifest says? Reads what was written since it last was",
    options: [
      {
        flags: "--manifest <file>",
        help: "compare with this manifest, not the one kept by `data add`",
      },
      { flags: "--full", help: "read everything, trust no times" },
    ],
    load: () => import("./data/verify.js"),
  },
  { name: "data ls", args: "", help: "registered data sets", load: () => import("./data/ls.js") },
  {
    name: "receipt show",
    args: "<job|file>",
    help: "what a receipt states",
    options: [{ flags: "--to <folder>", help: "also save the receipt's files there" }],
    load: () => import("./receipt/show.js"),
  },
  {
    name: "verify",
    args: "<file...>",
    help: "check receipts offline (NAME.sigstore.json)",
    options: [
      { flags: "--key <file>", help: "believe only this signer (KEYID.pub.pem), known beforehand" },
      { flags: "--log-key <vkey>", help: "believe only this log, known beforehand" },
      { flags: "--rerun", help: "run the job again here and compare the bits" },
      { flags: "--data <folder>", help: "the data set's folder, for --rerun" },
      { flags: "--model <file>", help: "the model file, for --rerun of a tensor job" },
      { ...backend, help: "backend for --rerun" },
    ],
    load: () => import("./receipt/verify.js"),
  },
  {
    name: "log head",
    args: "",
    help: "size, root and checkpoint of the log",
    load: () => import("./log/head.js"),
  },
  {
    name: "log fsck",
    args: "[folder]",
    help: "recompute every tile and the root of a log (a folder, or the coordinator's)",
    options: [{ flags: "--key <vkey>", help: "the log's verifier key; needed for a folder" }],
    load: () => import("./log/fsck.js"),
  },
  {
    name: "hash",
    args: "[path...]",
    anyPaths: true,
    help: "digests of files, folders and standard input, as b3sum and sha256sum print them",
    options: [
      { flags: "--sha256", help: "SHA-256 in place of BLAKE3" },
      { flags: "--both", help: "both digests from one read, as tag lines" },
      { flags: "--tag", help: "lines that name their algorithm: BLAKE3 (PATH) = HEX" },
      { flags: "--no-names", help: "digests only" },
      { flags: "-l, --length <bytes>", help: "bytes of a BLAKE3 digest (default: 32)" },
      { flags: "--keyed", help: "BLAKE3 with the key of 32 bytes on standard input" },
      { flags: "--derive-key <context>", help: "BLAKE3's key derivation with this context" },
      {
        flags: "--links <rule>",
        help: "links and special files inside folders",
        choices: ["refuse", "skip"],
        default: "refuse",
      },
      {
        flags: "-c, --check",
        help: "read checksums from the files and check them; -q: say failures only",
      },
    ],
    load: () => import("./hash/hash.js"),
  },
  {
    name: "model inspect",
    args: "<file>",
    help: "what an ONNX model takes, gives and needs; with its shapes known, what it compiles to",
    options: [shape, input, random],
    load: () => import("./model/inspect.js"),
  },
  {
    name: "model run",
    args: "<file>",
    help: "run an ONNX model here; prints each output's type, shape, digests and first elements",
    options: [
      input,
      random,
      shape,
      backend,
      fast,
      { flags: "--out <folder>", help: "write outputs.safetensors there" },
    ],
    load: () => import("./model/run.js"),
  },
  {
    name: "model bench",
    args: "<file>",
    help: "how long a model compiles and runs here, on numbers of its own or yours",
    options: [
      shape,
      input,
      { ...random, default: "1" },
      backend,
      fast,
      { flags: "--threads <count>", help: "threads that compute (default: all)" },
      { flags: "--repeats <count>", help: "runs that are timed", default: "20" },
    ],
    load: () => import("./model/bench.js"),
  },
  {
    name: "doctor",
    args: "",
    help: "check this machine: addon, SIMD, CUDA, disk, coordinator; a fix for each fault",
    load: () => import("./service/doctor.js"),
  },
];

/** Nouns that group verbs, for help. */
export const nouns: Readonly<Record<string, string>> = {
  job: "jobs",
  artifact: "files by digest",
  host: "hosts of the fleet",
  data: "data sets",
  receipt: "receipts",
  log: "the transparency log",
  model: "models in ONNX form, without a fleet",
};
