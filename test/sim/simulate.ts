/**
 * One simulation: a fleet under the weather of its seed, then under a clear sky until everything
 * has come to an end. The same seed gives the same events in the same order.
 */
import { readFileSync } from "node:fs";
import { canonicalJson } from "../../src/base/canonical-json.js";
import { newSigner } from "../../src/io/identity/signer.js";
import type { DataSet } from "../../src/model/data-set.js";
import { isTerminal } from "../../src/model/job.js";
import type { Quota } from "../../src/model/quota.js";
import { verifierKeyOf } from "../../src/proof/tlog/verifier-key.js";
import { loadPolicy } from "../../src/scheduler/policy/engine.js";
import { AgentNode, type HostFacts } from "./agent-node.js";
import { checkDurable, type Durable } from "./checks.js";
import { Client } from "./client.js";
import { CoordinatorNode, logOrigin } from "./coordinator-node.js";
import { FleetWatch } from "./fleet-watch.js";
import { checkGangs, checkMemory, checkQuotas, see } from "./looks.js";
import { NetworkWeather } from "./network-weather.js";
import { Operator } from "./operator.js";
import { emptyStore } from "./store.js";
import { EndWatch, WorkWatch } from "./work-watch.js";
import { type Canary, type Counts, World } from "./world.js";

const stormMs = 30_000;
/** After the storm: every lease, retry and back-off ends well within this. */
const calmMsMax = 240_000;
const lookEveryMs = 2_000;

const keys = { log: newSigner("ed25519"), grants: newSigner("ecdsa-p256-sha256") };
const hostKeys = new Map<string, ReturnType<typeof newSigner>>();
const policy = loadPolicy({ "base.cedar": readFileSync("deploy/policy/base.cedar", "utf8") });

const dataSets: readonly DataSet[] = [
  { ...dataSet("people", "a"), dataClass: "personal", countries: ["CL", "SG"] },
  { ...dataSet("open", "b"), dataClass: "public", countries: [] },
];

/** One has devices of its own, one may have few, and one borrows. */
const quotas: readonly Quota[] = [
  { owner: "a", weight: 2, cpu: { nominal: 2 } },
  { owner: "b", weight: 1, cpu: { nominal: 0, borrowMax: 1 }, cuda: { nominal: 0, borrowMax: 0 } },
];

const smallFleet: readonly HostFacts[] = [
  host("sg-1", "SG", "private", ["cpu"]),
  host("cl-1", "CL", "private", ["cpu", "cuda:0"]),
  host("de-1", "DE", "public", ["cpu"]),
  host("sg-2", "SG", "public", ["cpu"]),
];
/** One site large enough for the brake. */
const largeFleet: readonly HostFacts[] = [
  ...smallFleet,
  ...Array.from({ length: 8 }, (_, i) => host(`sg-${i + 3}`, "SG", "private", ["cpu"])),
];

export interface SimReport {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly counts: Counts & {
    readonly events: number;
    readonly jobs: number;
    readonly logged: number;
    readonly evidence: number;
    readonly replaced: number;
    readonly parked: number;
    readonly overdue: number;
    /** Members of gangs that had more than one run, and that ended for another's sake. */
    readonly regathered: number;
    readonly disbanded: number;
    readonly replayed: number;
    readonly audits: number;
  };
  readonly states: Readonly<Record<string, number>>;
}

export async function simulate(seed: number, canary?: Canary): Promise<SimReport> {
  const world = new World(seed, canary);
  const unheard = (thrown: unknown) => world.violated(`nobody hears of a failure: ${thrown}`);
  process.on("unhandledRejection", unheard);
  try {
    return await play(world, seed);
  } finally {
    process.off("unhandledRejection", unheard);
  }
}

async function play(world: World, seed: number): Promise<SimReport> {
  const { chance, time } = world;
  world.note(`weather ${canonicalJson(world.weather)}`);
  const store = await emptyStore();
  await store.transact(async (tables) => {
    for (const facts of dataSets) await tables.dataSets.insert({ facts, registeredAtMs: 0 });
    for (const quota of quotas) await tables.quotas.put(quota);
  });
  const fleet = chance.hit(0.2) ? largeFleet : smallFleet.slice(0, chance.between(2, 4));
  if (fleet.length > 3 && chance.hit(0.4)) world.liar = chance.pick(fleet).name;
  const watch = new FleetWatch(world, store, fleet);
  const coordinator = new CoordinatorNode(world, store, policy, keys, watch);
  const work = new WorkWatch(world, store, new Map(dataSets.map((facts) => [facts.name, facts])));
  const agents = fleet.map(
    (facts) => new AgentNode(world, facts, coordinator, work, keyOf(facts.name)),
  );
  const client = new Client(world, coordinator);
  const ends = new EndWatch(world);
  new NetworkWeather(world, agents).start(stormMs);
  coordinator.start();
  for (const agent of agents) time.after(chance.between(0, 2_000), () => agent.start());
  client.start(stormMs);
  new Operator(
    world,
    coordinator,
    fleet.map(({ name }) => name),
  ).start(stormMs);

  let [rested, ended, seenCommits] = [false, false, -1];
  let seen = await see(store);
  const look = async (): Promise<void> => {
    if (seenCommits !== coordinator.commits) {
      seenCommits = coordinator.commits;
      seen = await see(store);
      ends.look(seen.jobs);
      checkGangs(world, seen);
      checkQuotas(world, seen, quotas);
      await checkMemory(world, store, seen);
      const isTold = (await store.notices.staged(1)).length === 0;
      const isAudited = (await store.audits.open()).length === 0;
      ended = isTold && isAudited && seen.jobs.every(({ state }) => isTerminal(state));
    }
    watch.look(seen, coordinator.running?.core);
    work.look(client.cancelled);
    rested = time.nowMs > stormMs && client.done && ended && agents.every(({ idle }) => idle);
    time.after(lookEveryMs, () => void look());
  };
  await look();
  const failed = () => world.violations.length > 0;
  await time.play(stormMs, failed);
  world.clear();
  await time.play(stormMs + calmMsMax, () => failed() || rested);
  if (!failed() && !rested) await stuck(world, client, store, agents);
  const durable = await check(world, coordinator, client, work);
  return reportOf(seed, world, durable);
}

async function check(
  world: World,
  { store, disk }: CoordinatorNode,
  client: Client,
  work: WorkWatch,
): Promise<Durable> {
  const logKey = verifierKeyOf(keys.log, logOrigin);
  const durable = await checkDurable(world, store, disk, logKey, work.accepted);
  const states = new Map(durable.jobs.map(({ id, state }) => [id, state]));
  for (const id of client.acknowledged) {
    if (!states.has(id)) world.violated(`${id} was acknowledged and is forgotten`);
  }
  for (const { id, auditId } of durable.jobs) {
    if (auditId === undefined && !client.acknowledged.has(id))
      world.violated(`${id} was made and never acknowledged`);
  }
  for (const id of client.cancelled.keys()) {
    const state = states.get(id) ?? "forgotten";
    if (["cancelled", "succeeded", "failed"].includes(state)) continue;
    world.violated(`${id} was cancelled and is ${state}`);
  }
  return durable;
}

/** Liveness: under a clear sky everything comes to an end. */
async function stuck(
  world: World,
  client: Client,
  store: CoordinatorNode["store"],
  agents: readonly AgentNode[],
): Promise<void> {
  const open = (await see(store)).jobs.filter(({ state }) => !isTerminal(state));
  const jobs = open.map(({ id, state, host }) => `${id} ${state} ${host}`).join(", ");
  const audits = (await store.audits.open()).map(({ id }) => id).join(", ");
  const busy = agents.filter(({ idle }) => !idle).map(({ facts }) => facts.name);
  const asks = client.done ? "done" : "waits";
  const waiting = `jobs [${jobs}], audits [${audits}], hosts [${busy}], client ${asks}`;
  world.violated(`nothing comes to an end: ${waiting}`);
}

function reportOf(seed: number, world: World, durable: Durable): SimReport {
  const { jobs, logged, evidence, replayed } = durable;
  const states: Record<string, number> = {};
  for (const { state } of jobs) states[state] = (states[state] ?? 0) + 1;
  const replaced = jobs.filter(({ epoch }) => epoch > 1).length;
  return {
    seed,
    violations: world.violations,
    trace: world.trace,
    counts: {
      ...world.counts,
      events: world.time.events,
      jobs: jobs.length,
      logged: logged.length,
      evidence: evidence.length,
      replaced,
      regathered: jobs.filter(({ gangId, epoch }) => gangId !== undefined && epoch > 1).length,
      disbanded: jobs.filter(({ failure }) => failure?.code === "GANG_FAILED").length,
      overdue: jobs.filter(({ failure }) => failure?.code === "DEADLINE_EXCEEDED").length,
      parked: jobs.filter(({ failure }) => failure?.code === "POISONED").length,
      replayed,
      audits: durable.audits,
    },
    states,
  };
}

function keyOf(name: string): ReturnType<typeof newSigner> {
  const key = hostKeys.get(name) ?? newSigner("ecdsa-p256-sha256");
  hostKeys.set(name, key);
  return key;
}

function dataSet(name: string, digit: string) {
  const manifestDigest = `sha256:${digit.repeat(64)}` as const;
  const size = { sizeBytes: 1, files: 1 };
  return { name, owner: "clinic", manifestDigest, merkleRoot: "c".repeat(64), ...size };
}

function host(
  name: string,
  country: string,
  site: "private" | "public",
  devices: readonly string[],
): HostFacts {
  const place = { country, zone: "", site, grade: "operator-asserted" } as const;
  return { name, place, devices, dataSets: ["open", "people"] };
}
