/**
 * Two coordinators over one PostgreSQL under load; the leader is killed again and again, at moments
 * that the seed chooses. No job that was acknowledged may be lost, and none may run or count twice.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { QuipuError } from "../src/base/errors.js";
import { randomInteger, seededRandom } from "../src/base/random.js";
import { JobService } from "../src/gen/quipu/v1/jobs_pb.js";
import { type ListUsageResponse, LogService } from "../src/gen/quipu/v1/log_pb.js";
import { type Job, JobState } from "../src/gen/quipu/v1/types_pb.js";
import { clientOfAny, Ring } from "../src/io/rpc/ring.js";
import { jobBytes, jobSpec } from "../src/model/job.js";
import type { PostgresServer } from "./postgres-server.js";
import { noAudits, quickTimes, RealFleet } from "./real-fleet.js";

const names = ["one", "two"] as const;
const submitters = 3;
const killWithinMs = 1_500;
const pauseMs = 100;
const restartMs = 1_000;
/** How soon another should answer: ten seconds after the lease has run out. */
export const changeMsMax = 10_000 + Number(quickTimes.QUIPU_LEADER_LEASE_MS);
/** While some end, others may wait; a job that is looked at for so long never ends. */
const endMsMax = 120_000;
/** Whatever was broken is whole again; after so long nobody comes. */
const silentMsMax = 90_000;

export interface Falls {
  readonly acknowledged: number;
  /** From each kill to the first job that was acknowledged after it. */
  readonly changesMs: readonly number[];
}

/** Throws what is wrong. */
export async function leadersFall(
  server: PostgresServer,
  kills: number,
  seed: number,
  tell: (done: number) => void = () => undefined,
): Promise<Falls> {
  const fleet = new RealFleet();
  const replicas = new Replicas(fleet, server);
  const { addresses } = replicas;
  const load = new Load(addresses);
  try {
    const data = fleet.layData("sg-1", "digits");
    fleet.layData("sg-2", "digits");
    await Promise.all([
      replicas.start(),
      fleet.startAgent("sg-1", "SG", "private", addresses.join(",")),
      fleet.startAgent("sg-2", "SG", "private", addresses.toReversed().join(",")),
    ]);
    const terms = ["--name", "digits", "--class", "public", "--coordinator", addresses.join(",")];
    const { code, stderr } = await fleet.quipu("data", "add", data, ...terms);
    if (code !== 0) throw new Error(`no data set: ${stderr}`);
    load.begin();
    const random = seededRandom(seed);
    const changesMs: number[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      await Promise.all([replicas.answering(), load.more(submitters)]);
      await delay(randomInteger(random, killWithinMs));
      await replicas.killLeader();
      const killedMs = performance.now();
      await load.more(submitters + 1); // of those under way each submitter may have had one answered
      changesMs.push(performance.now() - killedMs);
      tell(kill + 1);
    }
    await load.end();
    await checkJobs(load);
    return { acknowledged: load.acknowledged.size, changesMs };
  } finally {
    load.close();
    await replicas.stop();
    await fleet.close();
  }
}

/** Coordinators that are started again when they end: a leader that was followed ends by itself. */
class Replicas {
  readonly addresses: readonly string[];
  readonly #fleet: RealFleet;
  readonly #server: PostgresServer;
  readonly #store: string;
  readonly #starting = new Map<string, Promise<void>>();
  #over = false;

  constructor(fleet: RealFleet, server: PostgresServer) {
    this.#fleet = fleet;
    this.#server = server;
    this.#store = server.newDatabase();
    this.addresses = names.map((name) => this.#socket(name));
  }

  /** Resolves when each of them answers. */
  async start(): Promise<void> {
    for (const name of names) this.#starting.set(name, this.#keep(name));
    await this.answering();
  }

  async answering(): Promise<void> {
    await Promise.all(this.#starting.values());
  }

  async killLeader(): Promise<void> {
    const database = new URL(this.#store).pathname.slice(1);
    for (;;) {
      const address = this.#server.sql(database, "select address from leaders");
      const leader = names.find((name) => this.#socket(name) === address);
      if (leader !== undefined) return await this.#fleet.kill(leader);
      await delay(100); // nobody leads at the moment
    }
  }

  /** None of them is started any more. */
  async stop(): Promise<void> {
    this.#over = true;
    await Promise.allSettled(this.#starting.values());
  }

  async #keep(name: string): Promise<void> {
    const shared = ["--store", this.#store, "--shared", join(this.#fleet.folder, "shared")];
    while (!this.#over) {
      try {
        const args = [...shared, "--listen", this.#socket(name)];
        const { process: child } = await this.#fleet.startCoordinator(name, [...args, ...noAudits]);
        child.once("exit", () => {
          if (!this.#over)
            this.#starting.set(
              name,
              delay(restartMs).then(() => this.#keep(name)),
            );
        });
        return;
      } catch (thrown) {
        // On a slow machine one may lose its lease before it has begun.
        if (QuipuError.from(thrown).code !== "FENCED") throw thrown;
      }
    }
  }

  #socket(name: string): string {
    return `unix:${this.#fleet.folder}/${name}.sock`;
  }
}

/** Submitters that ask until they are answered, each job under one key, any coordinator. */
export class Load {
  readonly acknowledged = new Set<string>();
  readonly ring: Ring;
  readonly #rings: readonly Ring[];
  #work: Promise<unknown> = Promise.resolve();
  #failed: unknown;
  #over = false;

  constructor(addresses: readonly string[]) {
    this.#rings = Array.from({ length: submitters }, (_, i) => {
      return new Ring(i % 2 === 0 ? addresses : addresses.toReversed());
    });
    this.ring = this.#rings[0] as Ring;
  }

  begin(): void {
    this.#work = Promise.all(this.#rings.map((ring, i) => this.#submit(ring, `${i}`)));
    this.#work.catch((thrown: unknown) => {
      this.#failed = thrown;
    });
  }

  /** Resolves when so many more were acknowledged. */
  async more(count: number): Promise<void> {
    const enough = this.acknowledged.size + count;
    const endsAtMs = performance.now() + silentMsMax;
    while (this.acknowledged.size < enough) {
      if (this.#failed !== undefined) throw this.#failed;
      if (performance.now() > endsAtMs) throw new Error("no job is taken any more");
      await delay(10);
    }
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  close(): void {
    this.#over = true;
    for (const ring of this.#rings) ring.close();
  }

  async #submit(ring: Ring, submitter: string): Promise<void> {
    const [dataSet, task] = ["digits", { driver: "hash" }];
    const parts = { name: "count", dataSet, task, attemptsMax: 10 };
    const spec = jobBytes(jobSpec.parse({ version: "quipu.dev/v1", ...parts }));
    for (let count = 0; !this.#over; count += 1) {
      const request = { idempotencyKey: `${submitter}-${count}`, specs: [spec] };
      for (const { id } of await this.#ask(ring, request)) this.acknowledged.add(id);
      await delay(pauseMs);
    }
  }

  /** Under the same key until somebody answers. */
  async #ask(ring: Ring, request: { idempotencyKey: string; specs: Uint8Array[] }) {
    for (;;) {
      try {
        return (await clientOfAny(ring, JobService).submitJobs(request)).jobs;
      } catch (thrown) {
        const { kind, code } = QuipuError.from(thrown);
        if (this.#over || (kind !== "retryable" && code !== "FENCED")) throw thrown;
      }
    }
  }
}

function isTerminal(job: Job | undefined): boolean {
  return job !== undefined && job.state >= JobState.SUCCEEDED;
}

/** Throws when a job was lost or counts twice. */
export async function checkJobs({ acknowledged, ring }: Load): Promise<void> {
  const jobs = clientOfAny(ring, JobService);
  const ended: Job[] = [];
  for (const id of acknowledged) {
    const endsAtMs = performance.now() + endMsMax;
    for (;;) {
      const { job } = await jobs.getJob({ id });
      // It has succeeded before its receipt is in the log, which is a commit later.
      const isOver = job?.state === JobState.SUCCEEDED ? job.receiptLogged : isTerminal(job);
      if (job !== undefined && isOver) {
        ended.push(job);
        break;
      }
      if (performance.now() > endsAtMs) throw new Error(`job ${id} does not end: ${job?.state}`);
      await delay(50);
    }
  }
  const failed = ended.filter(({ state }) => state !== JobState.SUCCEEDED);
  if (failed.length > 0) {
    const [first] = failed;
    throw new Error(`${failed.length} jobs did not succeed, first ${first?.id}: ${first?.state}`);
  }
  const entries = new Set(ended.map(({ logIndex }) => logIndex));
  const receipts = await receiptsIn(clientOfAny(ring, LogService));
  if (entries.size === acknowledged.size && receipts === acknowledged.size) return;
  const counts = `${entries.size} entries, and the log holds ${receipts} receipts`;
  throw new Error(`${acknowledged.size} jobs have ${counts}`);
}

/** How many the log has, of runs that it has once and twice. */
async function receiptsIn(log: ReturnType<typeof clientOfAny<typeof LogService>>): Promise<number> {
  let receipts = 0;
  for (let firstIndex: bigint | undefined = 0n; firstIndex !== undefined; ) {
    const page: ListUsageResponse = await log.listUsage({ firstIndex });
    receipts += page.runs.length;
    firstIndex = page.nextIndex;
  }
  return receipts;
}
