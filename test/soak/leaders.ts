/**
 * Two coordinators over one PostgreSQL under load; the leader is killed again and again, at moments
 * that the seed chooses. No job that was acknowledged may be lost, and none may run or count twice.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { QuipuError } from "../../src/base/errors.js";
import { randomInteger, seededRandom } from "../../src/base/random.js";
import { JobService } from "../../src/gen/quipu/v1/jobs_pb.js";
import { LogService } from "../../src/gen/quipu/v1/log_pb.js";
import { type Job, JobState } from "../../src/gen/quipu/v1/types_pb.js";
import { type Channel, client, connect } from "../../src/io/rpc/client.js";
import { jobBytes, jobSpec } from "../../src/model/job.js";
import { PostgresServer } from "../postgres-server.js";
import { RealFleet, until } from "../real-fleet.js";

const names = ["one", "two"] as const;
const submitters = 3;
const killWithinMs = 1_500;
const callMsMax = 3_000;

export async function leadersFall(
  kills: number,
  seed: number,
  tell: (done: number) => void,
): Promise<void> {
  const server = await PostgresServer.start();
  if (server === undefined) throw new Error("PostgreSQL is not installed (Debian: postgresql-15)");
  const fleet = new RealFleet();
  const random = seededRandom(seed);
  const address = server.newDatabase();
  const sockets = names.map((name) => `unix:${fleet.folder}/${name}.sock`);
  const channels = sockets.map((socket) => connect(socket));
  const start = (index: number) =>
    fleet.startCoordinator(names[index], [
      ...["--store", address, "--listen", sockets[index] as string],
    ]);
  let leader = 0;
  let following: Promise<unknown> | undefined;
  /** One that stands by is ready, and known to the fleet, only once it leads. */
  const fall = async (): Promise<void> => {
    if (following === undefined) return;
    await fleet.kill(names[leader] as string);
    await following;
    following = undefined;
    leader = 1 - leader;
  };
  try {
    await start(0);
    const keys = (name: string) => join(fleet.folder, name, "keys");
    cpSync(keys("one"), keys("two"), { recursive: true });
    const data = fleet.layData("sg-1", "digits");
    await fleet.startAgent("sg-1", "SG", "private", sockets.join(","));
    const terms = ["--name", "digits", "--class", "public", "--coordinator", sockets[0] as string];
    const { code, stderr } = await fleet.quipu("data", "add", data, ...terms);
    if (code !== 0) throw new Error(`no data set: ${stderr}`);
    const load = new Load(channels);
    for (let kill = 1; kill <= kills; kill += 1) {
      const acknowledged = load.acknowledged.size;
      following = start(1 - leader);
      await until("it stands by", async () => standbys(fleet) === kill);
      await until("jobs are taken", async () => load.acknowledged.size > acknowledged + submitters);
      await delay(randomInteger(random, killWithinMs));
      await fall();
      tell(kill);
    }
    await load.stop();
    await check(channels, [...load.acknowledged]);
  } finally {
    await fall().catch(() => undefined);
    for (const channel of channels) channel.close();
    await fleet.close();
    await server.close();
  }
}

function standbys(fleet: RealFleet): number {
  return names
    .map((name) => fleet.log(name).split("standing by").length - 1)
    .reduce((a, b) => a + b);
}

/** Submitters that ask until they are answered, each job under one key. */
class Load {
  readonly acknowledged = new Set<string>();
  readonly #channels: readonly Channel[];
  readonly #work: Promise<unknown>;
  #over = false;

  constructor(channels: readonly Channel[]) {
    this.#channels = channels;
    this.#work = Promise.all(Array.from({ length: submitters }, (_, i) => this.#submit(`${i}`)));
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  async #submit(submitter: string): Promise<void> {
    const [dataSet, task] = ["digits", { driver: "hash" }];
    const spec = jobBytes(jobSpec.parse({ version: "quipu.dev/v1", name: "count", dataSet, task }));
    for (let count = 0; !this.#over; count += 1) {
      const request = { idempotencyKey: `${submitter}-${count}`, specs: [spec] };
      const { jobs } = await ask(this.#channels, (channel) =>
        client(channel, JobService).submitJobs(request, { deadlineMs: callMsMax }),
      );
      for (const { id } of jobs) this.acknowledged.add(id);
      await delay(20);
    }
  }
}

/** Asks one after the other until one answers. */
async function ask<T>(
  channels: readonly Channel[],
  call: (channel: Channel) => Promise<T>,
): Promise<T> {
  const waited = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "FENCED", "CANCELLED", "IO"];
  for (let turn = 0; ; turn += 1) {
    const channel = channels[turn % channels.length] as Channel;
    try {
      return await call(channel);
    } catch (thrown) {
      if (!waited.includes(QuipuError.from(thrown).code)) throw thrown;
      await delay(20);
    }
  }
}

async function check(channels: readonly Channel[], ids: readonly string[]): Promise<void> {
  const ended: Job[] = [];
  for (const id of ids) {
    ended.push(
      await until(`job ${id} ends`, async () => {
        const { job } = await ask(channels, (channel) =>
          client(channel, JobService).getJob({ id }, { deadlineMs: callMsMax }),
        );
        return job !== undefined && job.state >= JobState.SUCCEEDED && job;
      }),
    );
  }
  const failed = ended.filter(({ state }) => state !== JobState.SUCCEEDED);
  if (failed.length > 0) {
    const [first] = failed;
    throw new Error(`${failed.length} jobs did not succeed, first ${first?.id}: ${first?.state}`);
  }
  const entries = new Set(ended.map(({ logIndex }) => logIndex));
  const { size } = await ask(channels, (channel) =>
    client(channel, LogService).getLogHead({}, { deadlineMs: callMsMax }),
  );
  if (entries.size === ids.length && Number(size) === ids.length) return;
  throw new Error(`${ids.length} jobs have ${entries.size} entries, and the log holds ${size}`);
}
