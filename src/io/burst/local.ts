/**
 * Pilots as processes of this machine. They are found by their state folder on their command line, so
 * that a coordinator which was killed right after a start knows of them all the same; and they live
 * on without it, until their own end.
 */
import { spawn } from "node:child_process";
import { mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { checkPilotId, isPilotId, type PilotOrder, type Provider, type Seen } from "./provider.js";
import { plainEnvironment } from "./run-program.js";

export interface LocalOptions {
  /** `quipud`, and how it is run. */
  readonly agent: readonly string[];
  /** States and logs of pilots. */
  readonly folder: string;
  /** Folder of their data sets; absent: they have none. */
  readonly data?: string | undefined;
}

/** What was asked to end and lives after so many asks is killed. */
const asksMax = 3;
const logsMax = 32;

export class LocalProvider implements Provider {
  readonly #options: LocalOptions;
  readonly #asks = new Map<string, number>();

  constructor(options: LocalOptions) {
    this.#options = options;
  }

  async start({ id, environment }: PilotOrder): Promise<void> {
    const { agent, folder, data } = this.#options;
    if ((await this.#processes()).has(checkPilotId(id))) return;
    await mkdir(this.#folder(id), { recursive: true, mode: 0o700 });
    await this.#dropOldLogs();
    const [program = "", ...args] = agent;
    const own = join(this.#folder(id), "data");
    const folders = ["--state", this.#state(id), "--data", data ?? own];
    const log = await open(join(folder, `${id}.log`), "a", 0o600);
    try {
      const child = spawn(program, [...args, ...folders], {
        detached: true,
        stdio: ["ignore", "ignore", log.fd],
        env: plainEnvironment(environment),
      });
      await new Promise<void>((resolve, reject) => {
        child.once("spawn", resolve);
        child.once("error", (cause) => reject(QuipuError.ofSystem(cause)));
      });
      child.unref();
    } finally {
      await log.close();
    }
  }

  async status(): Promise<ReadonlyMap<string, Seen>> {
    return new Map([...(await this.#processes()).keys()].map((id) => [id, "running"]));
  }

  async stop(id: string): Promise<void> {
    const pid = (await this.#processes()).get(checkPilotId(id));
    if (pid === undefined) {
      this.#asks.delete(id);
      await rm(this.#folder(id), { recursive: true, force: true });
      return;
    }
    const asks = (this.#asks.get(id) ?? 0) + 1;
    this.#asks.set(id, asks);
    try {
      process.kill(pid, asks > asksMax ? "SIGKILL" : "SIGTERM");
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw QuipuError.ofSystem(thrown);
    }
  }

  #folder(id: string): string {
    return join(this.#options.folder, id);
  }

  #state(id: string): string {
    return join(this.#folder(id), "state");
  }

  /**
   * Process ids by pilot. What a pilot has just forked has its command line still, until it runs its own
   * program: of two the one that is the other's parent is the pilot.
   */
  async #processes(): Promise<ReadonlyMap<string, number>> {
    const alike = new Map<number, { readonly id: string; readonly parent: number }>();
    for (const pid of await readdir("/proc")) {
      if (!/^[0-9]+$/.test(pid)) continue;
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      const args = line.split("\0");
      const state = args[args.indexOf("--state") + 1] ?? "";
      const id = basename(dirname(state));
      if (!isPilotId(id) || state !== this.#state(id)) continue;
      const parent = await parentOf(pid);
      if (parent !== undefined) alike.set(Number(pid), { id, parent });
    }
    const found = new Map<string, number>();
    for (const [pid, { id, parent }] of alike) if (!alike.has(parent)) found.set(id, pid);
    return found;
  }

  /** Of pilots that are over, oldest first. */
  async #dropOldLogs(): Promise<void> {
    const { folder } = this.#options;
    const living = await this.#processes();
    const logs = [];
    for (const name of await readdir(folder)) {
      if (!name.endsWith(".log") || living.has(name.slice(0, -".log".length))) continue;
      logs.push({ path: join(folder, name), atMs: (await stat(join(folder, name))).mtimeMs });
    }
    logs.sort((a, b) => b.atMs - a.atMs);
    for (const { path } of logs.slice(logsMax)) await rm(path, { force: true });
  }
}

/** Undefined when the process is gone (proc(5): the fourth field, after a name that may hold anything). */
async function parentOf(pid: string): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[1] === undefined ? undefined : Number(fields[1]);
}
