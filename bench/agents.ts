/**
 * Ten thousand idle agents attached to one coordinator: what memory they cost it, and how much of a
 * processor their heartbeats and samples take. Each has a connection of its own, from two processes that
 * speak just enough of the protocol (`agents-child.ts`).
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { RealFleet } from "../test/real-fleet.js";
import type { RunOptions } from "./harness.js";
import type { Said } from "./result.js";
import { print, record } from "./table.js";

const goalBytes = 2 * 2 ** 30;
const agents = 10_000;
const children = 2;
const attachMsMax = 300_000;
const watchedMs = 30_000;
const ticksPerSecond = 100;

interface Tally {
  readonly attached: number;
  readonly lost: number;
  readonly acknowledged: number;
}

function ask(child: ChildProcess): Promise<Tally> {
  child.send("tell");
  return once(child, "message").then(([tally]) => tally as Tally);
}

async function tallyOf(all: readonly ChildProcess[]): Promise<Tally> {
  const tallies = await Promise.all(all.map(ask));
  const sum = (key: keyof Tally) => tallies.reduce((total, tally) => total + tally[key], 0);
  return { attached: sum("attached"), lost: sum("lost"), acknowledged: sum("acknowledged") };
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]);
}

/** Of the processor, user and system, since the process began. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export async function run({ only, pairs }: RunOptions): Promise<void> {
  if (only.length > 0 && !only.some((part) => "agents".includes(part))) return print("agents", []);
  const fleet = new RealFleet();
  const childPath = fileURLToPath(new URL("./agents-child.js", import.meta.url));
  const all: ChildProcess[] = [];
  try {
    // The times that a coordinator has unless told otherwise.
    const usual = { QUIPU_LEASE_MS: "10000", QUIPU_HEARTBEAT_MS: "1000" };
    await fleet.startCoordinator("coordinator", [], usual);
    const { pid = 0 } = fleet.daemon("coordinator").process;
    const before = residentBytes(pid);
    for (let i = 0; i < children; i += 1) {
      all.push(fork(childPath, [fleet.address, `${i}`, `${agents / children}`]));
    }
    for (let waitedMs = 0; (await tallyOf(all)).attached < agents; waitedMs += 1_000) {
      if (waitedMs > attachMsMax) throw new Error("not all agents were attached in time");
      await delay(1_000);
    }
    const [first, spent] = [await tallyOf(all), processorSeconds(pid)];
    let most = 0;
    for (let passedMs = 0; passedMs < watchedMs; passedMs += 1_000) {
      await delay(1_000);
      most = Math.max(most, residentBytes(pid));
    }
    const last = await tallyOf(all);
    const share = (processorSeconds(pid) - spent) / (watchedMs / 1_000);
    const beats = (last.acknowledged - first.acknowledged) / (watchedMs / 1_000);
    const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
    const results: Said[] = [
      {
        name: `${agents} idle agents, memory of the coordinator`,
        said: mib(most),
        goal: `<= ${mib(goalBytes)}`,
        held: most <= goalBytes && last.lost === 0,
        note: `${mib(before)} without any; ${last.lost} streams were lost`,
      },
      {
        name: `${agents} idle agents, its processor`,
        said: `${share.toFixed(2)} of one`,
        note: `${Math.round(beats)} heartbeats a second were answered, and a sample came with each`,
      },
    ];
    print("agents", results);
    if (only.length === 0 && pairs === undefined) record("agents", results);
  } finally {
    for (const child of all) child.kill("SIGKILL");
    await fleet.close();
  }
}
