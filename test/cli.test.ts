/** The command line without a fleet: usage, output forms, job files, and what each fault says. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { loadJobFile } from "../src/cli/job/job-file.js";
import { bytesText, renderTable } from "../src/cli/table.js";
import { verbs } from "../src/cli/verbs.js";
import { runIn } from "./cli-run.js";
import { program } from "./real-fleet.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true }));

const quipu = (...argv: string[]) => runIn(folder, argv);

t.test("help and version go to stdout with code 0", async (t) => {
  const help = await quipu("--help");
  t.equal(help.code, 0);
  for (const verb of verbs) t.match(help.stdout, verb.name.split(" ")[0]);
  t.same(await quipu("--version"), { code: 0, stdout: "1.2.3\n", stderr: "" });
});

t.test("usage errors are code 2, with a suggestion, and JSON where JSON was asked", async (t) => {
  const typo = await quipu("statsu");
  t.equal(typo.code, 2);
  t.equal(typo.stdout, "");
  t.match(typo.stderr, /USAGE.*statsu.*Did you mean status/s);
  const place = await quipu("up", "--country", "Singapore");
  t.equal(place.code, 2);
  t.match(place.stderr, /USAGE.*Singapore is no country code.*ISO 3166/s);
  const nowhere = await quipu("job", "outputs", "job-1", "--to", folder);
  t.match(nowhere, { code: 2, stderr: /QUIPU_COUNTRY/ });
  const missing = await quipu("job", "outputs", "job-1", "--json");
  t.equal(missing.code, 2);
  t.match(JSON.parse(missing.stdout), { error: { code: "USAGE", kind: "terminal" } });
  const choice = await quipu("data", "add", folder, "--name", "x", "--class", "secret");
  t.equal(choice.code, 2);
  t.match(choice.stderr, /Allowed choices are public/);
});

t.test("standard output that nobody reads, or that is full", async (t) => {
  const list = join(folder, "list");
  writeFileSync(list, `${"0".repeat(64)}  absent\n`.repeat(5000));
  const command = [process.execPath, program("quipu"), "hash", "-c", list];
  const shell = (script: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script, "bash", ...args]);
    return { code: status, stdout: stdout.toString(), stderr: stderr.toString() };
  };
  t.match(
    shell('set -o pipefail; "$@" 2> /dev/null | head -n 1', ...command),
    { code: 6, stdout: "absent: FAILED open or read\n" },
    "who looks at the first line only is told the truth all the same",
  );
  t.equal(shell('set -o pipefail; "$@" 2>&1 | head -n 1', ...command).code, 6);
  const digests = [...command.slice(0, 3), ...Array(5000).fill(list), join(folder, "absent")];
  t.equal(shell('set -o pipefail; "$@" 2> /dev/null | head -n 1', ...digests).code, 1);
  t.equal(shell('set -o pipefail; "$@" | head -n 1', ...digests.slice(0, -1)).code, 0);
  for (const args of [
    [...command, "-q"],
    [...command.slice(0, 2), "--help"],
  ]) {
    const full = shell('"$@" > /dev/full', ...args);
    t.match(full, {
      code: 1,
      stderr: /^DISK_FULL {2}cannot write to standard output: .*\n {2}next: /m,
    });
    t.notMatch(full.stderr, / at .*\.js/, "without a stack");
  }
  const out = join(folder, "out");
  // What measures coverage writes larger files at the process's end.
  const limited = `trap "" XFSZ; ulimit -f 1; exec env -u NODE_OPTIONS -u NODE_V8_COVERAGE "$@" > ${out}`;
  t.match(shell(limited, ...command), {
    code: 1,
    stderr: /^IO {2}cannot write to standard output/m,
  });
  t.equal(readFileSync(out).length, 1024, "a write that was cut short is no success");
});

t.test("without a coordinator every fleet verb says how to start one", async (t) => {
  const job = join(folder, "job.yaml");
  writeFileSync(job, "version: quipu.dev/v1\nname: a\ntask: { driver: hash }\n");
  const calls: readonly (readonly string[])[] = [
    ["status"],
    ["run", job],
    ["plan", job],
    ["why", "job-1"],
    ["job", "ls"],
    ["job", "show", "job-1"],
    ["job", "logs", "job-1"],
    ["job", "cancel", "job-1"],
    ["job", "wait", "job-1"],
    ["job", "outputs", "job-1", "--to", folder, "--country", "SG"],
    ["artifact", "ls"],
    ["artifact", "put", job],
    ["host", "ls"],
    ["host", "show", "h"],
    ["host", "cordon", "h"],
    ["host", "uncordon", "h"],
    ["data", "ls"],
    ["log", "head"],
    ["log", "fsck"],
  ];
  for (const call of calls) {
    const answer = await quipu(...call, "-o", "json");
    t.equal(answer.code, 1, call.join(" "));
    t.match(JSON.parse(answer.stdout), { error: { code: "UNAVAILABLE", next: /quipu up/ } });
  }
});

t.test(
  "an address that nobody listens on is UNAVAILABLE, one that is not local is refused",
  async (t) => {
    const gone = await quipu("host", "ls", "--coordinator", `unix:${folder}/nobody.sock`, "--json");
    t.match(JSON.parse(gone.stdout), { error: { code: "UNAVAILABLE", next: /quipu up/ } });
    const far = await quipu("host", "ls", "--coordinator", "192.0.2.1:7000", "--json");
    t.match(JSON.parse(far.stdout), { error: { code: "INSECURE_ENDPOINT" } });
  },
);

async function faultsOf(text: string): Promise<readonly string[]> {
  const file = join(folder, "bad.yaml");
  writeFileSync(file, text);
  try {
    await loadJobFile(file, async (path) => path);
  } catch (error) {
    if (error instanceof QuipuError && error.code === "JOB_FILE_INVALID") {
      return (error.details.faults as string[]).map((fault) => fault.slice(folder.length + 1));
    }
    throw error;
  }
  return [];
}

t.test("job files: every fault has file, line and column", async (t) => {
  const good = "version: quipu.dev/v1\nname: a\ntask:\n  driver: hash\n";
  t.same(await faultsOf(good), []);
  t.same(await faultsOf(`${good}colour: red\nsize: 3\n`), [
    "bad.yaml:5:9: unknown key colour",
    "bad.yaml:6:7: unknown key size",
  ]);
  t.same(await faultsOf(good.replace("driver: hash", "driver: hash\n  speed: 1")), [
    "bad.yaml:5:10: unknown key task.speed",
  ]);
  t.match(await faultsOf(good.replace("name: a", "name: A B")), [
    /^bad.yaml:2:7: name: must be lower-case/,
  ]);
  t.match(await faultsOf(good.replace("hash", "sorcery")), [/^bad.yaml:4:11: task.driver: /]);
  t.match(await faultsOf("version: quipu.dev/v1\nname: a\n"), [/^bad.yaml:1:1: task: /]);
  t.match(await faultsOf("name: [a\n"), [/^bad.yaml:\d+:\d+: /]);
  t.match(await faultsOf("a: 1\na: 2\n"), [/^bad.yaml:\d+:\d+: Map keys must be unique/]);
  t.match(await faultsOf(""), [/is empty/]);
  t.match(await faultsOf("- 1\n"), [/^bad.yaml:1:1: job: /]);
  t.match(await faultsOf(`${good}placement: { countries: [sg] }\n`), [
    /^bad.yaml:5:\d+: placement.countries.0: .*ISO 3166/,
  ]);
  const model = `sha256:${"0".repeat(64)}`;
  const faultsOfInput = (input: string) =>
    faultsOf(
      good.replace("driver: hash", `driver: tensor\n  model: ${model}\n  inputs:\n    a: ${input}`),
    );
  t.same(await faultsOfInput("{ file: x.npy }"), []);
  t.same(await faultsOfInput("{ file: x.safetensors, tensor: w }"), []);
  t.match(await faultsOfInput("{ file: x.csv }"), [
    /^bad.yaml:7:16: task.inputs.a.file: must be a .npy file; a table needs columns/,
  ]);
  t.match(
    await faultsOfInput("{ file: x.csv, columns: [0, 1], rows: { modulo: 0, equals: [0] } }"),
    [/^bad.yaml:7:56: task.inputs.a.rows.modulo: Too small/],
  );
  t.same(await faultsOfInput("{ file: x.safetensors, tensor: w, colour: 1 }"), [
    "bad.yaml:7:50: unknown key task.inputs.a.colour",
  ]);
  await t.rejects(
    loadJobFile(join(folder, "none.yaml"), async () => ""),
    { code: "NOT_FOUND" },
  );
});

t.test("job files: several documents, defaults filled in, local models uploaded", async (t) => {
  const file = join(folder, "two.yaml");
  const digest = `sha256:${"0".repeat(64)}`;
  writeFileSync(
    file,
    `version: quipu.dev/v1
name: one
task: { driver: hash }
---
version: quipu.dev/v1
name: two
task:
  driver: tensor
  model: ./m.onnx
  inputs:
    x: { file: d.csv, columns: [0, 4] }
`,
  );
  const asked: string[] = [];
  const jobs = await loadJobFile(file, async (path) => {
    asked.push(path);
    return digest;
  });
  t.same(asked, [join(folder, "m.onnx")]);
  t.same(
    jobs.map(({ spec }) => [spec.name, spec.attemptsMax]),
    [
      ["one", 3],
      ["two", 3],
    ],
  );
  t.match(jobs[1]?.spec.task, { driver: "tensor", model: digest, backend: "auto" });
});

t.test("tables and sizes read well", async (t) => {
  const rows = [
    { name: "a", size: "1" },
    { name: "long", size: "22" },
  ];
  const columns = [
    { title: "NAME", cell: (row: (typeof rows)[number]) => row.name },
    { title: "SIZE", cell: (row: (typeof rows)[number]) => row.size, right: true },
  ];
  t.equal(renderTable(rows, columns), "NAME  SIZE\na        1\nlong    22");
  t.same([0, 1023, 1024, 1536, 2 ** 40].map(bytesText), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "1.0 TiB",
  ]);
});
