/**
 * A PostgreSQL of a test's own: a cluster in a temporary folder, run by an ordinary user, that syncs
 * as a real one does.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.js";

const password = "not-for-logs";
const startsMax = 200;

/** An address of the loopback network, and the words before a command that is to run there. */
interface Where {
  readonly host: string;
  readonly words: readonly string[];
}

const here: Where = { host: "127.0.0.1", words: [] };

export class PostgresServer {
  readonly #programs: string;
  readonly #port: number;
  readonly #where: Where;
  readonly #user = ordinaryUser();
  readonly #folder = mkdtempSync(join(tmpdir(), "quipu-pg-"));
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(programs: string, port: number, where: Where) {
    this.#programs = programs;
    this.#port = port;
    this.#where = where;
    if (this.#user !== undefined) chownSync(this.#folder, this.#user.uid, this.#user.gid);
  }

  /** Undefined where PostgreSQL is not installed. */
  static async start(where: Where = here): Promise<PostgresServer | undefined> {
    const programs = programsFolder();
    if (programs === undefined) return undefined;
    const server = new PostgresServer(programs, await freePort(), where);
    const ways = [
      "--auth-local=trust",
      "--auth-host=scram-sha-256",
      `--pwfile=${server.#folder}/password`,
    ];
    const cluster = ["-D", server.#data, "-U", "quipu", "--encoding=UTF8", "--no-sync"];
    try {
      writeFileSync(join(server.#folder, "password"), password);
      server.#command("initdb", [...cluster, ...ways]);
      const others = "host all all 127.0.0.0/8 scram-sha-256\n";
      appendFileSync(join(server.#data, "pg_hba.conf"), others);
      await server.launch();
      return server;
    } catch (thrown) {
      await server.close();
      throw thrown;
    }
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  /** Address of a new, empty database. */
  newDatabase(): string {
    this.#databases += 1;
    const name = `test${this.#databases}`;
    this.sql("postgres", `create database ${name}`);
    return `postgres://quipu:${password}@${this.#where.host}:${this.#port}/${name}`;
  }

  /** What `psql` prints, without its frame. */
  sql(database: string, text: string): string {
    const where = ["-h", this.#folder, "-p", `${this.#port}`, "-U", "quipu", "-d", database];
    return this.#command("psql", [...where, "-AtqX", "-v", "ON_ERROR_STOP=1", "-c", text]).trim();
  }

  /** Starts the server over what its folder holds; resolves when it takes connections. */
  async launch(): Promise<void> {
    for (let start = 1; !(await this.#starts()); start += 1) {
      // The connections of a server that was killed hold its memory for a moment longer.
      if (start === startsMax) throw new Error("postgres does not start");
      await delay(25);
    }
  }

  async #starts(): Promise<boolean> {
    const address = ["-h", this.#where.host, "-p", `${this.#port}`, "-k", this.#folder];
    // After a crash it would sync each of a thousand files by itself.
    const settings = ["-c", "fsync=on", "-c", "recovery_init_sync_method=syncfs"];
    const options = ["-D", this.#data, ...address, ...settings];
    const [first = "", ...words] = [...this.#words, join(this.#programs, "postgres"), ...options];
    const child = spawn(first, words, { cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    return await new Promise<boolean>((resolve) => {
      let said = "";
      child.stderr?.on("data", (chunk) => {
        said += chunk;
        if (/ready to accept connections/.test(said)) resolve(true);
      });
      child.once("exit", () => resolve(false));
      child.once("error", () => resolve(false));
    });
  }

  /** What comes before the program: where it runs, and as whom. */
  get #words(): readonly string[] {
    if (this.#user === undefined) return this.#where.words;
    const { uid, gid } = this.#user;
    const user = ["--reuid", `${uid}`, "--regid", `${gid}`, "--clear-groups"];
    return [...this.#where.words, "setpriv", ...user];
  }

  /** `SIGKILL`: a crash. `SIGINT`: an orderly stop that cuts all connections. */
  async end(signal: "SIGKILL" | "SIGINT" | "SIGQUIT"): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  async close(): Promise<void> {
    await this.end("SIGQUIT"); // at once: nobody needs what it has
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #command(program: string, args: readonly string[]): string {
    const path = join(this.#programs, program);
    const options = { ...this.#user, cwd: this.#folder, encoding: "utf8" } as const;
    const { status, stdout, stderr, error } = spawnSync(path, args, options);
    if (status === 0) return stdout;
    throw new Error(`${program} failed: ${error?.message ?? stderr}`);
  }
}

/** PostgreSQL refuses to run as root; undefined when this process is an ordinary user already. */
function ordinaryUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  const line = users.find((user) => /^(postgres|nobody):/.test(user)) ?? "";
  const [, , uid = "65534", gid = "65534"] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

/** The newest that Debian's packages laid down, else what is on the path. */
function programsFolder(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian)
    ? readdirSync(debian).sort((a, b) => Number(b) - Number(a))
    : [];
  const folders = versions.map((version) => join(debian, version, "bin"));
  const all = [...folders, ...(process.env.PATH ?? "").split(delimiter)];
  return all.find((folder) => existsSync(join(folder, "initdb")));
}
