/** A fleet of real processes for tests: start, kill, stop in mid-run, and speak to it by commands. */
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Daemon, startDaemon, stopDaemon } from "../src/cli/service/daemon.js";

export const packageRoot = fileURLToPath(new URL("../../", import.meta.url));
export const program = (name: string): string =>
  join(packageRoot, "dist", "src", "main", `${name}.js`);

/** Short enough for a test, long enough for two busy cores. */
export const quickTimes = {
  QUIPU_LEASE_MS: "3000",
  QUIPU_HEARTBEAT_MS: "300",
  QUIPU_LEADER_LEASE_MS: "2500",
  QUIPU_BURST_STEP_MS: "300",
};

/** For a coordinator whose entries of the log are counted. */
export const noAudits = ["--audit-rate", "0", "--audit-new-host-runs", "0"];

export interface Answer {
  readonly code: number;
  /** The one JSON value on stdout. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it with t.match
  readonly json: any;
  readonly stderr: string;
}

export class RealFleet {
  readonly folder = mkdtempSync(join(tmpdir(), "quipu-"));
  readonly #daemons = new Map<string, Daemon>();
  readonly #places = new Map<string, { country: string; site: string }>();

  get address(): string {
    return `unix:${this.folder}/c.sock`;
  }

  /** What a command keeps goes into the fleet's folder, never to whoever runs the tests. */
  get #env(): Readonly<Record<string, string>> {
    return { QUIPU_COORDINATOR: this.address, QUIPU_HOME: join(this.folder, "home") };
  }

  /** `name` also names its state folder; all of them listen at the fleet's one address. */
  async startCoordinator(
    name = "coordinator",
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Daemon> {
    const state = ["--state", join(this.folder, name)];
    const listen = ["--listen", this.address, "--http", "127.0.0.1:0"];
    const origin = ["--origin", "quipu.example/test"];
    return this.start(name, "coordinator", [...state, ...listen, ...origin, ...args], env);
  }

  async startAgent(
    name: string,
    country: string,
    site: "private" | "public",
    coordinators = this.address,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Daemon> {
    this.#places.set(name, { country, site });
    mkdirSync(this.dataFolder(name), { recursive: true });
    const where = ["--name", name, "--country", country, "--site", site];
    const folders = ["--state", join(this.folder, name), "--data", this.dataFolder(name)];
    const to = ["--coordinator", coordinators, "--http", "127.0.0.1:0"];
    return this.start(name, "quipud", [...where, ...folders, ...to], env);
  }

  async restartAgent(name: string): Promise<Daemon> {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`${name} was never started`);
    return this.startAgent(name, place.country, place.site as "private");
  }

  async start(
    name: string,
    main: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Daemon> {
    const daemon = await startDaemon({
      program: program(main),
      args,
      logFile: join(this.folder, `${name}.log`),
      env: { ...quickTimes, ...env },
      detached: false,
      signal: new AbortController().signal,
    });
    this.#daemons.set(name, daemon);
    return daemon;
  }

  /** What a daemon has logged, in all its lives; empty before the first. */
  log(name: string): string {
    const path = join(this.folder, `${name}.log`);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  dataFolder(host: string): string {
    return join(this.folder, `${host}-data`);
  }

  /** Lays the digits (or other files) on a host as data set `name`. */
  layData(host: string, name: string): string {
    const target = join(this.dataFolder(host), name);
    cpSync(join(packageRoot, "examples", "data", "digits"), target, { recursive: true });
    return target;
  }

  daemon(name: string): Daemon {
    const daemon = this.#daemons.get(name);
    if (daemon === undefined) throw new Error(`${name} is not up`);
    return daemon;
  }

  /** kill -9, and wait until it is gone. */
  async kill(name: string): Promise<void> {
    const { process: child } = this.daemon(name);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** One command line, with `-o json`. */
  quipu(...args: readonly string[]): Promise<Answer> {
    return runQuipu([...args, "-o", "json"], this.#env);
  }

  /** One command line, as people type it. */
  page(...args: readonly string[]): Promise<Printed> {
    return execute(args, this.#env);
  }

  async close(): Promise<void> {
    const [coordinator, agents] = [this.#daemons.get("coordinator"), new Map(this.#daemons)];
    agents.delete("coordinator");
    await Promise.all([...agents.values()].map((agent) => stopDaemon(agent)));
    if (coordinator !== undefined) await stopDaemon(coordinator);
    rmSync(this.folder, { recursive: true });
  }
}

export async function runQuipu(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { code, stdout, stderr } = await execute(args, env);
  return { code, json: stdout === "" ? undefined : JSON.parse(stdout), stderr };
}

interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function execute(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Printed> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve) => {
    execFile(process.execPath, [program("quipu"), ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

/** Process ids of the direct children of a process. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8")
      .trim()
      .split(" ")
      .filter((child) => child !== "")
      .map(Number),
  );
}

/** Waits until `holds` answers something; fails with `what` after `msMax`. */
export async function until<Value>(
  what: string,
  holds: () => Promise<Value | undefined | false>,
  msMax = 30_000,
): Promise<Value> {
  const deadline = performance.now() + msMax;
  for (;;) {
    const value = await holds();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await delay(100);
  }
}
