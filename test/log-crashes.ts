/**
 * The log's writer as a real process over a real folder, struck by `strace` at one durable step: killed
 * before it, or told that the disk failed or is full. Afterwards the log must open, be whole, and hold
 * each acknowledged entry at its index, once.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { QuipuError } from "../src/base/errors.js";
import { loadOrCreateSigner } from "../src/io/identity/signer.js";
import { LogFolder } from "../src/io/store/log-folder.js";
import { fsckLog } from "../src/proof/tlog/fsck.js";
import { Sequencer } from "../src/proof/tlog/sequencer.js";
import { clock, origin } from "./log-suite.js";
import { type Call, durableCalls, orderProblems, parseTrace, tracedNames } from "./strace-log.js";

const writer = fileURLToPath(new URL("fixtures/log-writer.js", import.meta.url));

/** What strace does with a call, by name; `+`: and with all of that name after it. */
export const faults = ["KILL", "EIO", "EIO+", "ENOSPC", "ENOSPC+"] as const;
export type Fault = (typeof faults)[number];

export interface Step {
  readonly name: string;
  /** Counted from 1 among the calls of that name in the thread that works on files. */
  readonly occurrence: number;
  /** The call and the part of the log that it changes. */
  readonly kind: string;
}

/** Why there can be no crashes here; undefined where there can. */
export function crashesMissing(): string | undefined {
  const { error } = spawnSync("strace", ["-V"]);
  if (error !== undefined) return "strace is not there (Debian: strace)";
  const probe = spawnSync("strace", ["-e", "trace=none", "true"]);
  return probe.status === 0 ? undefined : "strace may not trace here";
}

export class LogCrashes {
  readonly #root = mkdtempSync(join(tmpdir(), "quipu-crash-"));
  #lives = 0;

  /** The durable steps of a life without fault, in order. */
  async steps(): Promise<Step[]> {
    const { calls, problems } = await this.#live();
    if (problems.length > 0) throw new Error(problems.join("; "));
    return stepsOf(calls);
  }

  /** The step that was struck, undefined if none was, and whatever is wrong afterwards. */
  async strike(step: Step, fault: Fault): Promise<{ struck?: string; problems: string[] }> {
    const { calls, problems } = await this.#live({ step, fault });
    const struck = stepsOf(calls).find((_, i) => durableCalls(calls)[i]?.isStruck === true);
    return { ...(struck === undefined ? {} : { struck: struck.kind }), problems };
  }

  close(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  async #live(aim?: { step: Step; fault: Fault }): Promise<{ calls: Call[]; problems: string[] }> {
    this.#lives += 1;
    const folder = join(this.#root, `${this.#lives}`);
    const keys = join(this.#root, "keys");
    const signer = await loadOrCreateSigner(keys, "log", "ed25519");
    const trace = join(this.#root, "trace");
    const { lines: said, hung } = await traced([folder, keys, origin], trace, injectionOf(aim));
    const calls = parseTrace(readFileSync(trace, "utf8"), join(folder, "log"));
    const problems = orderProblems(calls);
    // A fault that stays also strikes what the runtime wakes itself with: then it may neither go on nor die.
    if (hung && aim?.fault.endsWith("+") !== true) problems.push("the writer hangs");
    const acknowledged = said.filter((line) => !line.startsWith("refused "));
    const codes = said.filter((line) => line.startsWith("refused ")).map((line) => line.slice(8));
    problems.push(...codes.filter((code) => !expected.includes(code)));
    try {
      problems.push(...(await inspect(folder, signer, acknowledged)));
    } catch (thrown) {
      problems.push(`does not open: ${QuipuError.from(thrown).message}`);
    }
    rmSync(folder, { recursive: true, force: true });
    return { calls, problems };
  }
}

/** A life takes a tenth of a second. */
const lifeMsMax = 15_000;

/** FENCED would be wrong: nobody else writes. */
const expected = ["IO", "DISK_FULL"];

function injectionOf(aim: { step: Step; fault: Fault } | undefined): string[] {
  if (aim === undefined) return [];
  const { step, fault } = aim;
  const error = fault.replace("+", "");
  const what = fault === "KILL" ? "signal=KILL" : `error=${error}`;
  const when = `${step.occurrence}${fault.endsWith("+") ? "+" : ""}`;
  return ["-e", `inject=${step.name}:${what}:when=${when}`];
}

/** One thread does all work on files, and strace comes when the program is ready: so calls can be counted. */
async function traced(
  args: string[],
  trace: string,
  injection: string[],
): Promise<{ lines: string[]; hung: boolean }> {
  const child = spawn(process.execPath, [writer, ...args], {
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const lines: string[] = [];
  let [tracer, hung]: [ChildProcess | undefined, boolean] = [undefined, false];
  const overdue = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, lifeMsMax);
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== "ready") lines.push(line);
    else tracer = await attach(child.pid as number, trace, injection);
    if (line === "ready") child.stdin.write("go\n");
  }
  clearTimeout(overdue);
  if (tracer === undefined) throw new Error("the writer did not start");
  if (tracer.exitCode === null && tracer.signalCode === null) {
    await new Promise((resolve) => tracer?.once("exit", resolve));
  }
  return { lines, hung };
}

async function attach(pid: number, trace: string, injection: string[]): Promise<ChildProcess> {
  const filter = `trace=${tracedNames.map((name) => `?${name}`).join(",")}`;
  const words = ["-f", "-y", "-s", "16", "-o", trace, "-e", filter, ...injection, "-p", `${pid}`];
  const tracer = spawn("strace", words, { stdio: "ignore" });
  const tasks = `/proc/${pid}/task`;
  const isTraced = (task: string): boolean =>
    !/^TracerPid:\s0$/m.test(readFileSync(join(tasks, task, "status"), "utf8"));
  while (!readdirSync(tasks).every(isTraced)) {
    if (tracer.exitCode !== null) throw new Error("strace does not attach");
    await delay(5);
  }
  return tracer;
}

function stepsOf(calls: readonly Call[]): Step[] {
  const counts = new Map<string, number>();
  const occurrences = new Map<Call, number>();
  for (const call of calls) {
    const key = `${call.thread} ${call.name}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    occurrences.set(call, counts.get(key) as number);
  }
  return durableCalls(calls).map((call) => ({
    name: call.name,
    occurrence: occurrences.get(call) as number,
    kind: `${call.name} ${call.place}`,
  }));
}

type Signer = Awaited<ReturnType<typeof loadOrCreateSigner>>;

/** Opens what is left as the next process would, and goes on with it. */
async function inspect(folder: string, signer: Signer, acknowledged: readonly string[]) {
  const store = await LogFolder.open(join(folder, "log"));
  const log = await Sequencer.open({ store, signer, origin, clock });
  const problems: string[] = [];
  const check = async (when: string): Promise<void> => {
    const entries = (await log.entries(0, log.head().size)).map((bytes) =>
      new TextDecoder().decode(bytes),
    );
    const lost = acknowledged.filter((line) => {
      const space = line.indexOf(" ");
      return entries[Number(line.slice(0, space))] !== line.slice(space + 1);
    });
    if (lost.length > 0) problems.push(`${when}: lost ${lost.length}, first ${lost[0]}`);
    if (new Set(entries).size !== entries.length) problems.push(`${when}: an entry is doubled`);
    const report = await fsckLog((path) => store.read(path), [log.verifierKey]);
    problems.push(...report.problems.map((problem) => `${when}: fsck: ${problem}`));
    if (report.size !== entries.length) problems.push(`${when}: fsck read ${report.size} entries`);
  };
  await check("opened again");
  await Promise.all(["one", "two"].map((text) => log.append(new TextEncoder().encode(text))));
  await check("continued");
  // The newest is dropped after the answer; one of what never committed stays until the log is larger, since
  // it might be another writer's.
  const stages = readdirSync(join(folder, "log", "stage"));
  const old = stages.filter((name) => Number.parseInt(name, 10) < log.head().size);
  if (old.length > 0) problems.push(`left over: ${old.join(", ")}`);
  return problems;
}
