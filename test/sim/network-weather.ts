/**
 * Weather over many lines at once. Clogs: some hosts' lines stop carrying, one after another, in one
 * direction or both, and carry on again in another order, with all that was sent meanwhile. Lags: what
 * comes down a host's line is late, though it never falls silent, until nothing gets up any more.
 * Blackouts: every host of a country is gone for a while.
 */
import type { AgentNode } from "./agent-node.js";
import type { World } from "./world.js";

const clogSpreadMs = 2_000;
const clogMsMax = 9_000;
/** Below half a lease: an agent that hears nothing for so long gives the stream up. */
const [lagMsMin, lagMsMax] = [500, 2_400];
const lagForMsMax = 6_000;
const blackoutMsMax = 15_000;

export class NetworkWeather {
  readonly #world: World;
  readonly #agents: readonly AgentNode[];

  constructor(world: World, agents: readonly AgentNode[]) {
    this.#world = world;
    this.#agents = agents;
  }

  start(untilMs: number): void {
    this.#every("clogEveryMs", untilMs, () => this.#clog());
    this.#every("lagEveryMs", untilMs, () => this.#lag());
    this.#every("blackoutEveryMs", untilMs, () => this.#blackOut());
  }

  #every(
    kind: "clogEveryMs" | "lagEveryMs" | "blackoutEveryMs",
    untilMs: number,
    happen: () => void,
  ): void {
    const { time } = this.#world;
    time.after(this.#world.waitMs(this.#world.weather[kind]), () => {
      if (time.nowMs >= untilMs) return;
      happen();
      this.#every(kind, untilMs, happen);
    });
  }

  #clog(): void {
    const { chance, time, counts } = this.#world;
    for (const { line, facts } of this.#agents) {
      if (!chance.hit(0.6)) continue;
      const way = chance.pick(["up", "down", "both"] as const);
      time.after(chance.between(0, clogSpreadMs), () => {
        counts.clogs += 1;
        // Each way on its own: what was sent before may still be answered while nothing more gets through.
        const [upMs, downMs] = [chance.between(200, clogMsMax), chance.between(200, clogMsMax)];
        this.#world.note(`the line of ${facts.name} is clogged (${way}) for ${upMs} and ${downMs}`);
        if (way !== "down") line.upFromMs = time.nowMs + upMs;
        if (way !== "up") line.downFromMs = time.nowMs + downMs;
      });
    }
  }

  #lag(): void {
    const { chance, time, counts } = this.#world;
    const { line, facts } = chance.pick(this.#agents);
    if (line.downLagMs > 0) return;
    counts.lags += 1;
    line.downLagMs = chance.between(lagMsMin, lagMsMax);
    this.#world.note(`the line of ${facts.name} lags by ${line.downLagMs}`);
    time.after(chance.between(0, lagForMsMax), () => {
      line.upFromMs = time.nowMs + chance.between(0, clogMsMax);
      this.#world.note(`nothing gets up the line of ${facts.name} until ${line.upFromMs}`);
      time.after(clogMsMax, () => {
        line.downLagMs = 0;
      });
    });
  }

  #blackOut(): void {
    const { chance, time, counts } = this.#world;
    const { country } = chance.pick(this.#agents).facts.place;
    counts.blackouts += 1;
    const untilMs = time.nowMs + chance.between(1_000, blackoutMsMax);
    this.#world.note(`blackout of ${country} until ${untilMs}`);
    for (const agent of this.#agents) {
      if (agent.facts.place.country === country) agent.blackOut(untilMs);
    }
  }
}
