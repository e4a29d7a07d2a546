/**
 * Two coordinators, their database, two hosts and a client, each on a machine of its own; again and
 * again what one says does not reach another, while it hears all. No acknowledged job may be lost or
 * doubled, and once the network is whole jobs are taken again.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { type Random, randomInteger, seededRandom } from "../../src/base/random.js";
import { checkJobs, Load } from "../falling-leaders.js";
import { PostgresServer } from "../postgres-server.js";
import { noAudits, packageRoot, program, quickTimes, runQuipu } from "../real-fleet.js";
import { Network } from "./network.js";

const machines = ["one", "two", "store", "sg-1", "sg-2", "client"] as const;
const coordinators = ["one", "two"] as const;
const hosts = ["sg-1", "sg-2"] as const;
const port = 7070;
/** Set for the process that runs inside the client's namespace. */
const prefixVariable = "QUIPU_SOAK_NETWORK";
const brokenMsMax = 9_000;

export async function partitionsHeal(
  count: number,
  seed: number,
  tell: (done: number) => void,
): Promise<void> {
  const inside = process.env[prefixVariable];
  if (inside !== undefined) return await breakAndHeal(inside, count, seed, tell);
  const { missing } = Network;
  if (missing !== undefined) {
    console.log(`SKIPPED: ${missing}`);
    return;
  }
  const prefix = `quipu-${process.pid}`;
  const network = new Network(prefix, machines);
  try {
    network.build();
    const [first = "", ...words] = network.on("client");
    const own = [process.execPath, process.argv[1] ?? "", "--only", "partitions"];
    const asked = ["--count", `${count}`, "--seed", `${seed}`];
    const child = spawn(first, [...words, ...own, ...asked], {
      env: { ...process.env, [prefixVariable]: prefix },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let last = "";
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith("partitions:")) console.log(line);
      if (line.startsWith("FAILED")) last = line;
    }
    if (last !== "") throw new Error(last);
  } finally {
    network.close();
  }
}

async function breakAndHeal(
  prefix: string,
  count: number,
  seed: number,
  tell: (done: number) => void,
): Promise<void> {
  const network = new Network(prefix, machines);
  const server = await PostgresServer.start({
    host: network.address("store"),
    words: network.on("store"),
  });
  if (server === undefined) throw new Error("PostgreSQL is not installed (Debian: postgresql-15)");
  const store = server.newDatabase();
  const fleet = new Fleet(network, store);
  const load = new Load(fleet.addresses);
  try {
    await fleet.start();
    load.begin();
    const random = seededRandom(seed);
    for (let done = 0; done < count; done += 1) {
      await load.more(1);
      const [from, to] = twoOf(random);
      network.drop(from, to);
      await delay(500 + randomInteger(random, brokenMsMax));
      network.heal(from, to);
      tell(done + 1);
    }
    await load.more(1);
    await load.end();
    await checkJobs(load);
    const epochs = server.sql(new URL(store).pathname.slice(1), "select epoch from leaders");
    console.log(
      `partitions: ${load.acknowledged.size} jobs, ${epochs} leaders, ${fleet.ends} ends`,
    );
  } finally {
    load.close();
    await fleet.close();
    await server.close();
  }
}

/** Half of them between a coordinator and the database, for there leadership is at stake. */
function twoOf(random: Random): readonly [string, string] {
  const [dice = 0] = random.bytes(1);
  const coordinator = coordinators[dice & 1] as string;
  if (dice & 2) return dice & 4 ? [coordinator, "store"] : ["store", coordinator];
  const from = randomInteger(random, machines.length);
  const to = (from + 1 + randomInteger(random, machines.length - 1)) % machines.length;
  return [machines[from] as string, machines[to] as string];
}

/** Daemons that are started again when they end, as whoever keeps services does. */
class Fleet {
  readonly addresses: readonly string[];
  readonly #network: Network;
  readonly #store: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "quipu-"));
  readonly #children = new Map<string, ChildProcess>();
  /** How often a daemon ended by itself: a leader that was followed does. */
  ends = 0;
  #closing = false;

  constructor(network: Network, store: string) {
    this.#network = network;
    this.#store = store;
    this.addresses = coordinators.map((name) => `${network.address(name)}:${port}`);
  }

  async start(): Promise<void> {
    await Promise.all(coordinators.map((name) => this.#coordinator(name)));
    const digits = join(packageRoot, "examples", "data", "digits");
    for (const host of hosts) {
      cpSync(digits, join(this.#folder, `${host}-data`, "digits"), { recursive: true });
      await this.#agent(host);
    }
    const terms = ["--name", "digits", "--class", "public"];
    const env = { QUIPU_COORDINATOR: this.addresses.join(","), QUIPU_HOME: this.#folder };
    const added = await runQuipu(["data", "add", digits, ...terms, "-o", "json"], env);
    if (added.code !== 0) throw new Error(`no data set: ${added.stderr}`);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(
      [...this.#children.values()].map((child) => {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        return ended;
      }),
    );
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #coordinator(name: string): Promise<void> {
    const listen = ["--listen", `${this.#network.address(name)}:${port}`];
    const shared = ["--store", this.#store, "--shared", join(this.#folder, "shared")];
    return this.#keep(name, "coordinator", [...listen, ...shared, ...noAudits]);
  }

  #agent(name: string): Promise<void> {
    const place = ["--name", name, "--country", "SG", "--site", "private"];
    const data = ["--data", join(this.#folder, `${name}-data`)];
    const to = ["--coordinator", this.addresses.join(",")];
    return this.#keep(name, "quipud", [...place, ...data, ...to]);
  }

  /** Resolves when it is ready for the first time. */
  #keep(name: string, main: string, args: readonly string[]): Promise<void> {
    const state = join(this.#folder, name);
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const [first = "", ...words] = this.#network.on(name);
    const own = [process.execPath, program(main), "--state", state, "--http", "127.0.0.1:0"];
    const child = spawn(first, [...words, ...own, ...args], {
      stdio: ["ignore", "pipe", openSync(join(this.#folder, `${name}.log`), "a")],
      env: { ...process.env, ...quickTimes },
    });
    this.#children.set(name, child);
    child.once("exit", () => {
      if (this.#closing) return;
      this.ends += 1;
      void delay(500).then(() => this.#keep(name, main, args));
    });
    const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
    return new Promise((resolve) => lines.once("line", () => resolve()));
  }
}
