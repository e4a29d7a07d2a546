/**
 * A Slurm of a test's own: controller, one node and their authentication, in a temporary folder and on
 * free ports of this machine, run by whoever runs the tests.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "./free-port.js";
import { until } from "./real-fleet.js";

const programs = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo"];
const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];

/** Lines of its configuration in place of the tests' own, undefined for none; `cpus`: of its node. */
export type SlurmSettings = Readonly<Record<string, string | undefined>>;

export class SlurmCluster {
  readonly folder = mkdtempSync(join(tmpdir(), "quipu-slurm-"));
  readonly #daemons: ChildProcess[] = [];

  static get isInstalled(): boolean {
    return programs.every((program) => find(program) !== undefined);
  }

  static async start(settings: SlurmSettings = {}): Promise<SlurmCluster> {
    const cluster = new SlurmCluster();
    try {
      await cluster.#start(settings);
      return cluster;
    } catch (thrown) {
      await cluster.close();
      throw thrown;
    }
  }

  get environment(): Readonly<Record<string, string>> {
    return { SLURM_CONF: join(this.folder, "slurm.conf") };
  }

  async #start(settings: SlurmSettings): Promise<void> {
    chmodSync(this.folder, 0o711); // or else the authentication refuses to work in it
    for (const name of ["state", "spool"]) mkdirSync(join(this.folder, name));
    writeFileSync(join(this.folder, "munge.key"), randomBytes(128), { mode: 0o400 });
    writeFileSync(join(this.folder, "slurm.conf"), await this.#configuration(settings));
    const own = (name: string) => `--${name}-file=${join(this.folder, `munge.${name}`)}`;
    const files = [own("key"), own("pid"), own("log"), own("seed")];
    this.#spawn("munged", ["--foreground", ...files, `--socket=${this.folder}/munge.sock`]);
    await until("the authentication is up", async () => existsSync(`${this.folder}/munge.sock`));
    const { SLURM_CONF = "" } = this.environment;
    this.#spawn("slurmctld", ["-D", "-f", SLURM_CONF]);
    this.#spawn("slurmd", ["-D", "-f", SLURM_CONF, "-N", "node1"]);
    await until("the node is idle", async () => this.run("sinfo", "-h", "-o", "%T") === "idle");
  }

  async #configuration(settings: SlurmSettings): Promise<string> {
    const { username } = userInfo();
    const [controller, node] = [await freePort(), await freePort()];
    const at = (name: string) => join(this.folder, name);
    const { cpus = "2", ...more } = settings;
    const lines: SlurmSettings = {
      ClusterName: "test",
      SlurmctldHost: "localhost(127.0.0.1)",
      SlurmUser: username,
      SlurmdUser: username,
      AuthType: "auth/munge",
      AuthInfo: `socket=${at("munge.sock")}`,
      SlurmctldPort: `${controller}`,
      SlurmdPort: `${node}`,
      StateSaveLocation: at("state"),
      SlurmdSpoolDir: at("spool"),
      SlurmctldPidFile: at("slurmctld.pid"),
      SlurmdPidFile: at("slurmd.pid"),
      ProctrackType: "proctrack/linuxproc",
      TaskPlugin: "task/none",
      MpiDefault: "none",
      SelectType: "select/cons_tres",
      SelectTypeParameters: "CR_Core",
      ReturnToService: "2",
      SchedulerParameters: "batch_sched_delay=0,sched_interval=1",
      KillWait: "5",
      ...more,
      NodeName: `node1 NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=${cpus} State=UNKNOWN`,
      PartitionName: "main Nodes=node1 Default=YES MaxTime=60 State=UP",
    };
    const said = Object.entries(lines).filter(([, value]) => value !== undefined);
    return `${said.map(([name, value]) => `${name}=${value}`).join("\n")}\n`;
  }

  /** What a command of Slurm's prints. */
  run(program: string, ...args: readonly string[]): string {
    const env = { ...process.env, ...this.environment };
    const { stdout } = spawnSync(find(program) ?? program, args, { encoding: "utf8", env });
    return stdout.trim();
  }

  #spawn(program: string, args: readonly string[]): void {
    const child = spawn(find(program) ?? program, args, { stdio: "ignore" });
    this.#daemons.push(child);
  }

  async close(): Promise<void> {
    for (const child of this.#daemons.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function find(program: string): string | undefined {
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}
