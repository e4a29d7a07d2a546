/**
 * Coordinators killed at random moments while pilots come and go: no acknowledged job is lost, each runs
 * once, every pilot ends, and no process is left behind.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Random, randomInteger, seededRandom } from "../../src/base/random.js";
import { noAudits, RealFleet, until } from "../real-fleet.js";

const offer = {
  name: "near",
  place: { country: "SG", site: "private", grade: "claimed" },
  devices: [{ id: "cpu", slots: 2 }],
  ...{ pilotsMax: 3, waitSeconds: 0, idleSeconds: 2, bootSeconds: 30 },
  ...{ lifetimeSeconds: 120, drainSeconds: 20 },
  provider: { kind: "local" },
};

export async function pilotsOutlive(
  kills: number,
  seed: number,
  tell: (done: number) => void,
): Promise<void> {
  const fleet = new RealFleet();
  try {
    const acknowledged = await killOften(fleet, kills, seededRandom(seed), tell);
    await settles(fleet, acknowledged);
    const left = agentsOf(fleet.folder);
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
  } finally {
    await fleet.close();
  }
}

/** Ids of jobs that were acknowledged. */
async function killOften(
  fleet: RealFleet,
  kills: number,
  random: Random,
  tell: (done: number) => void,
): Promise<ReadonlySet<string>> {
  const burst = join(fleet.folder, "burst.yaml");
  const count = join(fleet.folder, "count.yaml");
  writeFileSync(burst, JSON.stringify({ version: "quipu.dev/burst/v1", offers: [offer] }));
  const parts = ["version: quipu.dev/v1", "name: count", "attemptsMax: 10", "task: {driver: hash}"];
  writeFileSync(count, parts.join("\n"));
  const acknowledged = new Set<string>();
  for (let kill = 0; kill <= kills; kill += 1) {
    await fleet.startCoordinator("coordinator", ["--burst", burst, ...noAudits]);
    for (let job = randomInteger(random, 4); job >= 0; job -= 1) {
      const { code, json, stderr } = await fleet.quipu("run", count, "--detach");
      if (code !== 0) throw new Error(stderr);
      acknowledged.add(json.jobs[0].id);
    }
    tell(kill);
    if (kill === kills) break;
    await delay(randomInteger(random, 5_000));
    await fleet.kill("coordinator");
    await delay(randomInteger(random, 2_000));
  }
  return acknowledged;
}

async function settles(fleet: RealFleet, acknowledged: ReadonlySet<string>): Promise<void> {
  for (const id of acknowledged) {
    await until(`job ${id} succeeds`, async () => {
      return (await fleet.quipu("job", "show", id)).json.job.state === "succeeded";
    });
  }
  await until("every pilot ends", async () => {
    const { pilots } = (await fleet.quipu("burst", "ls")).json;
    return pilots.every(({ stage }: { stage: string }) => stage === "ended");
  });
  const { runs } = (await fleet.quipu("usage")).json.total;
  if (Number(runs) !== acknowledged.size) {
    throw new Error(`${acknowledged.size} jobs left ${runs} receipts in the log`);
  }
}

/** Process ids of agents whose state is under this folder. */
function agentsOf(folder: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false;
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return line.includes("quipud") && line.includes(folder);
    } catch {
      return false; // it has just ended
    }
  });
}
