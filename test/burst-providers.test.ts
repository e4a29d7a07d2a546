/** Providers by themselves: what they ask of programs, and what they make of the answers. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { CommandProvider } from "../src/io/burst/command.js";
import { LocalProvider } from "../src/io/burst/local.js";
import type { PilotOrder } from "../src/io/burst/provider.js";
import { plainEnvironment, runProgram } from "../src/io/burst/run-program.js";
import { SlurmProvider } from "../src/io/burst/slurm.js";
import { until } from "./real-fleet.js";

t.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "quipu-burst-"));
t.teardown(() => rmSync(folder, { recursive: true }));

const id = "pilot-0123456789abcdef";
const order: PilotOrder = {
  id,
  lifetimeMs: 61_000,
  environment: { QUIPU_NAME: "near-1", QUIPU_PILOT_TOKEN: "the-token" },
};

/** A program of this name in a folder of its own, first on the path. */
function fake(name: string, text: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(bin, name), 0o755);
  return join(bin, name);
}

const path = `${join(folder, "bin")}:${process.env.PATH}`;

function commands(script: string): CommandProvider {
  const program = fake("pilots", script);
  const verbs = { start: [program, "start"], status: [program, "status"], stop: [program, "stop"] };
  return new CommandProvider({ ...verbs, environment: {}, timeoutMs: 5_000, fleet: "f1" });
}

t.test("command: what it is told, and what its answers mean", async (t) => {
  const said = join(folder, "said");
  process.env.QUIPU_STORE = "postgres://user:secret@db/x";
  t.teardown(() => delete process.env.QUIPU_STORE);
  const good = commands(
    `env | grep QUIPU > ${said}-$1; [ $1 = status ] && echo ${id} running; exit 0`,
  );
  await good.start(order);
  const told = readFileSync(`${said}-start`, "utf8").trim().split("\n").sort();
  t.same(told, [
    "QUIPU_FLEET=f1",
    "QUIPU_NAME=near-1",
    `QUIPU_PILOT=${id}`,
    "QUIPU_PILOT_SECONDS=61",
    "QUIPU_PILOT_TOKEN=the-token",
  ]);
  t.same(await good.status(), new Map([[id, "running"]]));
  await good.stop(id);
  t.notMatch(readFileSync(`${said}-stop`, "utf8"), /TOKEN/);
  await t.rejects(good.stop("../../etc"), { code: "INVALID_ARGUMENT" });

  const full = commands("echo no cores left >&2; exit 75");
  await t.rejects(full.start(order), { code: "LIMIT_EXCEEDED", message: /75: no cores left/ });
  await t.rejects(commands("exit 3").start(order), {
    code: "UNAVAILABLE",
    message: /said nothing/,
  });
  await t.rejects(commands("echo pilot-x running").status(), { message: /says "pilot-x running"/ });
  await t.rejects(commands(`echo ${id} gone`).status(), { code: "INVALID_ARGUMENT" });
  t.same(await commands("echo; echo").status(), new Map(), "empty lines say nothing");
});

t.test("a program that hangs, shouts or is not there", async (t) => {
  const environment = plainEnvironment({});
  const run = (script: string, timeoutMs = 5_000) =>
    runProgram(["sh", "-c", script], { environment, timeoutMs });
  await t.rejects(run("sleep 60 & wait", 100), { code: "DEADLINE_EXCEEDED" });
  await t.rejects(run("yes"), { code: "LIMIT_EXCEEDED" });
  await t.rejects(runProgram(["no-such"], { environment, timeoutMs: 1_000 }), {
    code: "NOT_FOUND",
  });
  t.same(await run("kill -9 $$"), { code: 1, stdout: "", stderr: "" });
  const input = "x".repeat(1_000_000);
  const deaf = await runProgram(["true"], { environment, input, timeoutMs: 5_000 });
  t.equal(deaf.code, 0, "it need not read what it is told");
});

t.test("slurm: jobs by name, and refusals by what they say", async (t) => {
  const provider = new SlurmProvider({
    ...{
      fleet: "f1",
      agent: ["quipud"],
      sbatch: ["--partition=gpu"],
      scratch: "/it's",
      data: "/data",
    },
    environment: { PATH: path },
  });
  const listed = [
    `quipu-f1-${id}|PENDING`,
    "quipu-f1-pilot-1123456789abcdef|COMPLETING",
    "quipu-f2-pilot-2123456789abcdef|RUNNING",
    "quipu-f1-other|RUNNING",
  ];
  fake("squeue", `printf '%s\\n' '${listed.join("' '")}'`);
  const seen = { [id]: "pending", "pilot-1123456789abcdef": "running" };
  t.same(Object.fromEntries(await provider.status()), seen);
  fake("sbatch", `echo "$@" > ${folder}/args; env > ${folder}/env; cat > ${folder}/script`);
  await provider.start(order);
  t.notOk(readdirSync(folder).includes("args"), "it is there already");
  fake("squeue", "exit 0");
  await provider.start(order);
  const args = readFileSync(join(folder, "args"), "utf8");
  t.match(args, /--job-name=quipu-f1-pilot-0123456789abcdef --time=2 .*--partition=gpu/);
  t.notMatch(args + readFileSync(join(folder, "script"), "utf8"), /the-token/);
  t.match(readFileSync(join(folder, "env"), "utf8"), /QUIPU_PILOT_TOKEN=the-token/);
  t.match(
    readFileSync(join(folder, "script"), "utf8"),
    /mktemp -d '\/it'\\''s\/quipu-pilot-XXXXXX'/,
  );
  const refusals = {
    "sbatch: error: QOSMaxSubmitJobPerUserLimit": "LIMIT_EXCEEDED",
    "sbatch: error: AssocMaxSubmitJobLimit": "LIMIT_EXCEEDED",
    "sbatch: error: Requested node configuration is not available": "LIMIT_EXCEEDED",
    "sbatch: error: Unable to contact slurm controller (connect failure)": "UNAVAILABLE",
    "sbatch: error: invalid partition specified: gpu": "INVALID_ARGUMENT",
  };
  for (const [text, code] of Object.entries(refusals)) {
    fake("sbatch", `echo '${text}' >&2; exit 1`);
    await t.rejects(provider.start(order), { code, message: /sbatch failed with 1/ }, text);
  }
});

t.test(
  "local: a process is found by its state, asked to end, and killed when it does not",
  async (t) => {
    const stubborn = fake("agent", "trap '' TERM; echo up >&2; while :; do (:); done");
    const own = join(folder, "pilots");
    const provider = new LocalProvider({ agent: [stubborn], folder: own });
    await provider.start(order);
    await provider.start(order);
    const log = () => readFileSync(join(own, `${id}.log`), "utf8");
    await until("it runs", async () => (await provider.status()).has(id) && log() !== "");
    t.equal(log(), "up\n", "once");
    t.same(await new LocalProvider({ agent: [], folder: `${own}2` }).status(), new Map());
    const next = new LocalProvider({ agent: [stubborn], folder: own }); // another process of ours
    for (let ask = 0; ask < 4; ask += 1) await next.stop(id);
    await until("it is gone", async () => !(await next.status()).has(id));
    await next.stop(id);
    t.same(readdirSync(own), [`${id}.log`], "nothing is left but its log");
    const missing = new LocalProvider({ agent: [join(folder, "none")], folder: own });
    await t.rejects(missing.start(order), { code: "NOT_FOUND" });

    for (let old = 0; old < 40; old += 1) writeFileSync(join(own, `pilot-${old}.log`), "");
    await provider.start(order);
    t.equal(readdirSync(own).filter((name) => name.endsWith(".log")).length, 33, "not for ever");
    for (let ask = 0; ask < 4; ask += 1) await provider.stop(id);
    await until("it is gone", async () => (await provider.status()).size === 0);
  },
);
