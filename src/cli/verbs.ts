/** Every verb of the command line, in the order that help shows them. Code is loaded when it runs. */

import { localVerbs } from "./local-verbs.js";
import { proofVerbs } from "./proof-verbs.js";
import {
  cordonReason,
  country,
  destination,
  detach,
  key,
  policy,
  recipient,
  type Verb,
} from "./verb.js";

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
    options: [detach, key],
    load: () => import("./job/run.js"),
  },
  {
    name: "plan",
    args: "<file...>",
    help: "where these jobs would run, and why not elsewhere; starts nothing",
    options: [{ flags: "--all", help: "name each host that is kept out, and its rule" }],
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
    name: "job retry",
    args: "<job>",
    help: "run what an ended job asked for again, as a new job",
    options: [detach, key],
    load: () => import("./job/retry.js"),
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
    options: [
      { flags: "--to <folder>", help: "where the files go", required: true },
      destination,
      recipient,
    ],
    load: () => import("./job/outputs.js"),
  },
  {
    name: "quota ls",
    args: "",
    help: "devices that each owner may use at once, and uses",
    load: () => import("./quota/ls.js"),
  },
  {
    name: "quota set",
    args: "<owner>",
    help: "how many devices are an owner's own, and how many it may borrow",
    options: [
      { flags: "--cuda <count>", help: "CUDA devices of its own" },
      { flags: "--cuda-borrow <count>", help: "and of others while they are free (default: any)" },
      { flags: "--cpu <count>", help: "CPU devices of its own" },
      { flags: "--cpu-borrow <count>", help: "and of others while they are free (default: any)" },
      { flags: "--weight <count>", help: "twice the weight, twice the share (default: 1)" },
    ],
    load: () => import("./quota/set.js"),
  },
  {
    name: "quota rm",
    args: "<owner>",
    help: "take an owner's quota away",
    load: () => import("./quota/rm.js"),
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
    options: [
      { flags: "--to <file>", help: "where it goes", required: true },
      destination,
      recipient,
    ],
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
    name: "host revoke-key",
    args: "<host>",
    help: "what its receipt key signs from now on counts for nothing",
    options: [
      {
        flags: "--key <keyid>",
        help: "another key that it has had, by its id (default: its present one)",
      },
      cordonReason,
    ],
    load: () => import("./host/revoke-key.js"),
  },
  {
    name: "burst ls",
    args: "",
    help: "capacity that can be asked for, and the pilots that were",
    load: () => import("./burst/ls.js"),
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
      { flags: "--terms <file>", help: "what laws and its owner ask about it (docs/policy.md)" },
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
    name: "policy ls",
    args: "",
    help: "the rules in force: what they say, the law behind them, when it is to be read again",
    options: [policy],
    load: () => import("./policy/ls.js"),
  },
  {
    name: "policy explain",
    args: "<rule>",
    help: "one rule, the law behind it, and its text",
    options: [policy],
    load: () => import("./policy/explain.js"),
  },
  {
    name: "policy check",
    args: "<path...>",
    help: "are these files, or folders of them, a policy set? Asks no coordinator",
    load: () => import("./policy/check.js"),
  },
  {
    name: "policy test",
    args: "<file...>",
    help: "put cases before the rules; fails where they answer otherwise",
    options: [policy],
    load: () => import("./policy/test.js"),
  },
  {
    name: "policy apply",
    args: "<path...>",
    help: "put these files, or folders of them, in force for every decision from now on",
    load: () => import("./policy/apply.js"),
  },
  {
    name: "replay",
    args: "",
    help: "which past runs other rules would refuse, each as things were when it was granted",
    options: [
      { ...policy, help: "a policy file, or a folder of them; repeatable" },
      {
        flags: "--since <time>",
        help: "only runs granted then or later (2026-01-31, or RFC 3339)",
      },
    ],
    load: () => import("./policy/replay.js"),
  },
  ...proofVerbs,
  ...localVerbs,
];

/** Nouns that group verbs, for help. */
export const nouns: Readonly<Record<string, string>> = {
  job: "jobs",
  quota: "who may use how much",
  artifact: "files by digest",
  host: "hosts of the fleet",
  burst: "capacity that is asked for when jobs wait",
  data: "data sets",
  policy: "rules of where jobs run and results go",
  receipt: "receipts",
  audit: "runs that are run again elsewhere; which runs read what, proved from the log",
  log: "the transparency log",
  model: "models in ONNX form, without a fleet",
};
