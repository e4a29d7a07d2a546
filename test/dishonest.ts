/** Hosts that cheat now and then against a whole coordinator: how many are found, and after how many runs. */
import { digestOf } from "../src/base/bytes.js";
import { randomInteger, seededRandom } from "../src/base/random.js";
import { uncordonHost } from "../src/coordinator/host/cordon.js";
import type { Assign } from "../src/gen/quipu/v1/attach_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { RunFacts } from "../src/model/run.js";
import { CoordinatorWorld, FakeHost, result } from "./coordinator-world.js";

export interface Cheating {
  /** The part of runs that the coordinator has run again. */
  readonly rate: number;
  /** The part of its runs that the host falsifies. */
  readonly cheats: number;
  /** So many of its runs, or fewer where it is found before. */
  readonly runs: number;
}

const draws = 1_000_000;

/** A host that cheats, and two that do not. */
export class DishonestFleet {
  readonly #world: CoordinatorWorld;
  readonly #hosts: readonly FakeHost[];
  readonly #random = seededRandom(1);

  private constructor(world: CoordinatorWorld, hosts: readonly FakeHost[]) {
    this.#world = world;
    this.#hosts = hosts;
  }

  static async open(rate: number): Promise<DishonestFleet> {
    const world = await CoordinatorWorld.open();
    world.audits = { rate, newHostRuns: 0, withinMs: 3_600_000 };
    await world.start();
    // The first by name of hosts that are worth the same gets the job.
    const hosts = ["sg-1", "sg-2", "sg-3"].map(
      (name) => new FakeHost(world, name, "SG", newSigner("ecdsa-p256-sha256")),
    );
    for (const host of hosts) await host.attach();
    return new DishonestFleet(world, hosts);
  }

  /** Whether the cheat was found within its runs. Afterwards it is let back, as if nothing had been. */
  async isFound({ cheats, runs }: Cheating): Promise<boolean> {
    for (let run = 0; run < runs; run += 1) {
      await this.#world.one();
      await this.#answerAll(randomInteger(this.#random, draws) < cheats * draws);
      const { core } = this.#world.coordinator;
      if (core.hosts.get("sg-1")?.cordon === undefined) continue;
      await uncordonHost(core, "sg-1");
      return true;
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#world.store.close();
  }

  /** Until nobody has anything left to do. */
  async #answerAll(lies: boolean): Promise<void> {
    for (;;) {
      const open = this.#hosts.flatMap((host) => {
        return host.all("assign").map((assign): [FakeHost, Assign] => [host, assign]);
      });
      if (open.length === 0) return;
      for (const host of this.#hosts) host.told.length = 0;
      for (const [host, assign] of open) {
        const output = lies && host.name === "sg-1" ? assign.runId : "the right bits";
        const digest = digestOf(new TextEncoder().encode(output));
        const outputs = result.outputs.map((one) => ({ ...one, digest }));
        const change = (facts: RunFacts) => ({
          ...facts,
          result: { ...result, outputs },
        });
        await host.report(host.seal("succeeded", assign, change));
      }
    }
  }
}
