/** Verbs about receipts and the log that holds them. */
import { groupings } from "./usage/totals.js";
import { backend, policy, type Verb, type VerbOption } from "./verb.js";

/** Where the log and its statements are, if not with the coordinator. */
const logSource: readonly VerbOption[] = [
  { flags: "--log-key <vkey>", help: "believe only this log, known beforehand" },
  {
    flags: "--notice-key <file>",
    help: "believe only this coordinator (KEYID.notice.pem), known beforehand; repeatable",
    repeatable: true,
  },
  {
    flags: "--witnesses <file>",
    help: "who must have cosigned the log's checkpoint (a trust policy, C2SP tlog-policy)",
  },
  { flags: "--log <address>", help: "HTTP address, or folder, of the log's tiles" },
  { flags: "--held <folder>", help: "a folder of receipts to read statements from" },
];

export const proofVerbs: readonly Verb[] = [
  {
    name: "receipt show",
    args: "<job|file>",
    help: "what a receipt states",
    options: [{ flags: "--to <folder>", help: "also save the receipt's files there" }],
    load: () => import("./receipt/show.js"),
  },
  {
    name: "receipt disclose",
    args: "<job|run>",
    help: "show some fields of a receipt, signed and proved, without the others",
    options: [
      {
        flags: "--field <name>",
        help: "place, time, amount, or a field that `quipu receipt fields` lists; repeatable",
        repeatable: true,
        required: true,
      },
      { flags: "--to <folder>", help: "where the disclosure and its keys go", required: true },
    ],
    load: () => import("./receipt/disclose.js"),
  },
  {
    name: "receipt fields",
    args: "",
    help: "fields of a receipt that can be shown by themselves, and their groups",
    load: () => import("./receipt/fields.js"),
  },
  {
    name: "receipt export",
    args: "<job...>",
    help: "save receipts in one folder, with log proofs, keys and all that an offline check needs",
    options: [{ flags: "--to <folder>", help: "where they go", required: true }],
    load: () => import("./receipt/export.js"),
  },
  {
    name: "receipt erase",
    args: "<job>",
    help: "remove what hosts have stated of an ended job; the log keeps its digest, and that it was erased",
    options: [
      {
        flags: "--reason <text>",
        help: "who asks, by which rule; goes into the log",
        required: true,
      },
    ],
    load: () => import("./receipt/erase.js"),
  },
  {
    name: "verify",
    args: "<file...>",
    help: "check receipts and disclosures offline (NAME.sigstore.json, NAME.disclosure.json)",
    options: [
      { flags: "--key <file>", help: "believe only this host (KEYID.pub.pem), known beforehand" },
      {
        flags: "--notice-key <file>",
        help: "believe only this coordinator (KEYID.notice.pem) that a key was revoked, or how a job ended",
      },
      { flags: "--log-key <vkey>", help: "believe only this log, known beforehand" },
      {
        flags: "--witnesses <file>",
        help: "who must have cosigned the log's checkpoint (a trust policy, C2SP tlog-policy)",
      },
      {
        flags: "--expect <name=value>",
        help: "what the receipt must say: country=SG, dataset=digits, grade=operator-asserted; repeatable",
        repeatable: true,
      },
      {
        flags: "--file <file>",
        help: "a file that must be an output of the run; repeatable",
        repeatable: true,
      },
      {
        flags: "--rerun",
        help: "run the job again here, if it may run here, and compare the bits",
      },
      {
        flags: "--place <place>",
        help: "where this machine stands, for --rerun: country=SG,site=private (or QUIPU_PLACE)",
      },
      { flags: "--data <folder>", help: "the data set's folder, if it was not registered here" },
      { flags: "--model <file>", help: "the model file; else it is fetched" },
      { ...policy, help: "rules for --rerun, in place of the coordinator's; repeatable" },
      {
        flags: "--data-facts <file>",
        help: "what `quipu data ls -o json` printed, in place of what the coordinator says",
      },
      { ...backend, help: "backend for --rerun" },
      {
        flags: "--rounds <number>",
        help: "of checking the product of a fast run, for --rerun",
        default: "20",
      },
      { flags: "--seed <text>", help: "for the signs of those rounds (default: a new one)" },
    ],
    load: () => import("./receipt/verify.js"),
  },
  {
    name: "usage",
    args: "",
    help: "what runs used, summed over the receipts in the log",
    forms: ["csv"],
    options: [
      { flags: "--by <group>", help: "a sum for each", choices: groupings, default: "tenant" },
      {
        flags: "--since <time>",
        help: "runs that finished then or later (2026-01-31, or RFC 3339)",
      },
      { flags: "--until <time>", help: "and before this" },
    ],
    load: () => import("./usage/usage.js"),
  },
  {
    name: "audit dataset",
    args: "<name>",
    help: "every run that read a data set, where, and what came out, proved up to a checkpoint",
    options: [
      {
        flags: "--manifest <digest>",
        help: "only these very files, under whatever name (sha256:… of the manifest)",
      },
      {
        flags: "--never-outside <codes>",
        help: "claim that none ran outside these countries (SG,CL); exit code 6 if one did",
      },
      { flags: "--to <folder>", help: "write it there with all proofs, for `quipu audit check`" },
      ...logSource,
    ],
    load: () => import("./audit/dataset.js"),
  },
  {
    name: "audit check",
    args: "<folder>",
    help: "make an exported audit again, offline",
    options: logSource.slice(0, 3),
    load: () => import("./audit/check.js"),
  },
  {
    name: "audit ls",
    args: "",
    help: "runs that were run again on other hosts, newest first, and what came of it",
    options: [{ flags: "--limit <count>", help: "how many", default: "50" }],
    load: () => import("./audit/ls.js"),
  },
  {
    name: "audit show",
    args: "<job|run|audit>",
    help: "who answered what for a run; exit code 6 where its own answer was found wrong",
    load: () => import("./audit/show.js"),
  },
  {
    name: "audit ask",
    args: "<job|run>",
    help: "have a run looked into: another lawful host runs it again, at the operator's cost",
    load: () => import("./audit/ask.js"),
  },
  {
    name: "lineage",
    args: "<what> [name]",
    help: "what a digest, a job or a data set (dataset NAME) came from, and what came of it",
    forms: ["dot", "openlineage"],
    options: [
      { flags: "--up", help: "only what it came from" },
      { flags: "--down", help: "only what came of it" },
      ...logSource,
    ],
    load: () => import("./audit/lineage.js"),
  },
  {
    name: "log head",
    args: "",
    help: "size, root and checkpoint of the log",
    load: () => import("./log/head.js"),
  },
  {
    name: "log acts",
    args: "",
    help: "what operators did and the coordinator decided, each proved to be in the log",
    options: [
      { flags: "--kind <kind>", help: "only acts of this kind" },
      {
        flags: "--about <subject>",
        help: "only about this (host sg-1), or all of this name (sg-1)",
      },
      { flags: "--since <time>", help: "done then or later (2026-01-31, or RFC 3339)" },
      { flags: "--from <entry>", help: "from this entry of the log on", default: "0" },
      { flags: "--limit <n>", help: "how many at most", default: "100" },
      ...logSource.slice(0, 4),
    ],
    load: () => import("./log/acts.js"),
  },
  {
    name: "log fsck",
    args: "[folder]",
    help: "recompute every tile and the root of a log (a folder, or the coordinator's)",
    options: [{ flags: "--key <vkey>", help: "the log's verifier key; needed for a folder" }],
    load: () => import("./log/fsck.js"),
  },
  {
    name: "log monitor",
    args: "<address>",
    help: "follow a log over HTTP, and raise an alarm (exit code 6) when it forks or goes back",
    options: [
      { flags: "--key <vkey>", help: "the log's verifier key", required: true },
      { flags: "--state <folder>", help: "where the last checkpoint is kept", required: true },
      { flags: "--every <seconds>", help: "how often to look", default: "10" },
      { flags: "--once", help: "look once" },
    ],
    load: () => import("./log/monitor.js"),
  },
  {
    name: "log fork",
    args: "<file>",
    help: "check a proof that a log forked (fork.json of a monitor or a witness)",
    options: [{ flags: "--key <vkey>", help: "the log's verifier key", required: true }],
    load: () => import("./log/fork.js"),
  },
  {
    name: "witness",
    args: "",
    help: "cosign other operators' logs (C2SP tlog-witness), for as long as they only grow",
    options: [
      { flags: "--name <name>", help: "a schema-less URL, say w1.example.org", required: true },
      { flags: "--state <folder>", help: "its key, and what it cosigned", required: true },
      { flags: "--log <vkey>", help: "verifier key of a log; repeatable", repeatable: true },
      { flags: "--logs <file>", help: "or a trust policy whose logs are meant" },
      { flags: "--listen <address>", help: "where it is asked", default: "127.0.0.1:0" },
    ],
    load: () => import("./log/witness.js"),
  },
];
