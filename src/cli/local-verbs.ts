/** Verbs that work on this machine alone and ask no coordinator, but for `doctor`, which looks for one. */
import { backend, fast, input, random, shape, type Verb } from "./verb.js";

export const localVerbs: readonly Verb[] = [
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
