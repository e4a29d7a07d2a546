/** Watches what the coordinator does with hosts: how much of each it gives away, and when it brakes. */

import type { Core } from "../../src/coordinator/core.js";
import { siteOf } from "../../src/coordinator/host/brake.js";
import type { CoordinatorEvent } from "../../src/coordinator/ports.js";
import type { CoordinatorStore } from "../../src/io/store/coordinator-store.js";
import { type HostFacts, slotsOf } from "./agent-node.js";
import type { Seen } from "./looks.js";
import type { World } from "./world.js";

const leaseEndPattern = /^run (\S+) is lost \(host (\S+) did not renew its lease\)/;

export class FleetWatch {
  readonly #world: World;
  readonly #store: CoordinatorStore;
  readonly #sites: ReadonlyMap<string, string>;
  /** Sites that are braked, and since when. */
  readonly #braked = new Map<string, number>();
  /** Runs whose job is to end, which nobody remembered when they were last looked at. */
  #uncancelled: ReadonlySet<string> = new Set();

  constructor(world: World, store: CoordinatorStore, fleet: readonly HostFacts[]) {
    this.#world = world;
    this.#store = store;
    this.#sites = new Map(fleet.map(({ name, place }) => [name, siteOf(place)]));
  }

  /** Nothing of a braked site is given up; an end that was being written when it was braked is. */
  observe(event: CoordinatorEvent): void {
    const { time, weather } = this.#world;
    if (event.kind === "brake" && event.on) this.#braked.set(event.site, time.nowMs);
    if (event.kind === "brake" && !event.on) this.#braked.delete(event.site);
    if (event.kind !== "job") return;
    if (event.text.startsWith("placed on")) time.after(0, () => void this.#countRuns());
    const [, runId, host = ""] = leaseEndPattern.exec(event.text) ?? [];
    const site = this.#sites.get(host) ?? "";
    const sinceMs = this.#braked.get(site) ?? Number.POSITIVE_INFINITY;
    if (time.nowMs - sinceMs <= 2 * weather.diskDelayMsMax) return;
    this.#world.violated(`${runId} on ${host} is given up, and ${site} is braked`);
  }

  coordinatorDied(): void {
    this.#braked.clear();
  }

  /**
   * Looks now and then: a run whose job was cancelled is remembered as such. Between what is durable and
   * what is remembered there may be a commit under way, never for as long as from one look to the next.
   */
  look({ jobs }: Seen, core: Core | undefined): void {
    const cancelled = new Map(jobs.map(({ id, cancelReason }) => [id, cancelReason]));
    const unaware = [...(core?.runs.all() ?? [])].filter(({ run, ending, cancelReason }) => {
      return !ending && cancelReason === undefined && cancelled.get(run.jobId) !== undefined;
    });
    for (const { run } of unaware) {
      if (!this.#uncancelled.has(run.id)) continue;
      this.#world.violated(`${run.id} goes on, and ${run.jobId} is cancelled`);
    }
    this.#uncancelled = new Set(unaware.map(({ run }) => run.id));
  }

  /** No device has more runs than it takes. */
  async #countRuns(): Promise<void> {
    const granted = await this.#store.runs.inStages(["assigned", "acknowledged"]);
    const held = new Map<string, number>();
    for (const { host, device, slots } of granted) {
      const key = `${device} of ${host}`;
      held.set(key, (held.get(key) ?? 0) + slots);
      if ((held.get(key) ?? 0) <= slotsOf(device)) continue;
      this.#world.violated(`${key} is given away ${held.get(key)} times`);
    }
  }
}
