/** Somebody who keeps runs away from hosts now and then, drains some, and lets all work in the end. */
import { QuipuError } from "../../src/base/errors.js";
import type { Core } from "../../src/coordinator/core.js";
import { cordonHost, uncordonHost } from "../../src/coordinator/host/cordon.js";
import type { CoordinatorNode } from "./coordinator-node.js";
import { insist } from "./insist.js";
import type { World } from "./world.js";

export class Operator {
  readonly #world: World;
  readonly #coordinator: CoordinatorNode;
  readonly #hosts: readonly string[];

  constructor(world: World, coordinator: CoordinatorNode, hosts: readonly string[]) {
    this.#world = world;
    this.#coordinator = coordinator;
    this.#hosts = hosts;
  }

  start(untilMs: number): void {
    const { time } = this.#world;
    time.after(untilMs, () => void this.#rest());
    void this.#work(untilMs);
  }

  async #work(untilMs: number): Promise<void> {
    const { time, chance, weather, counts } = this.#world;
    for (;;) {
      await time.delay(this.#world.waitMs(weather.operatorEveryMs));
      if (time.nowMs >= untilMs) return;
      const host = chance.pick(this.#hosts);
      const reason = "new fans";
      const drainMs = chance.pick([undefined, 0, 2_000]);
      if (chance.hit(0.4)) await this.#tell((core) => uncordonHost(core, host));
      else await this.#tell((core) => cordonHost(core, host, { reason, drainMs }));
      counts.cordons += 1;
    }
  }

  /** Also those that a question which nobody answered has cordoned after all, or that lied before. */
  async #rest(): Promise<void> {
    const { time, liar } = this.#world;
    const turns = liar === undefined ? 2 : 20;
    for (let turn = 0; turn < turns; turn += 1) {
      for (const host of this.#hosts) await this.#tell((core) => uncordonHost(core, host));
      await time.delay(10_000);
    }
  }

  /** A host that never attached is not known. */
  async #tell(ask: (core: Core) => Promise<unknown>): Promise<void> {
    try {
      await insist(this.#world, this.#coordinator, ask);
    } catch (thrown) {
      if (QuipuError.from(thrown).code !== "NOT_FOUND") throw thrown;
    }
  }
}
