/**
 * A stream between one agent and the coordinator, as a network gives it: in order each way, late,
 * now and then with a message missing or doubled, and cut at any moment; what is under way is lost
 * with it, and either end may learn of the cut late or never.
 */
import type { World } from "./world.js";

export interface StreamEnd<In> {
  receive(message: In): void;
  closed(): void;
}

/** A host's line, whichever stream it carries. What is sent one way may have to wait, for both or one. */
export class Line {
  upFromMs = 0;
  downFromMs = 0;
  /** What comes down is so late besides. */
  downLagMs = 0;
  /** Nobody can dial before. */
  dialFromMs = 0;
}

export class Stream<Up, Down> {
  readonly #world: World;
  readonly #agent: StreamEnd<Down>;
  readonly #coordinator: StreamEnd<Up>;
  /** When the last message of each way arrives: a later one never overtakes it. */
  #upAtMs = 0;
  #downAtMs = 0;
  #carries = true;
  #agentOpen = true;
  #coordinatorOpen = true;

  constructor(
    world: World,
    readonly line: Line,
    agent: StreamEnd<Down>,
    coordinator: StreamEnd<Up>,
  ) {
    this.#world = world;
    this.#agent = agent;
    this.#coordinator = coordinator;
    world.time.after(world.waitMs(world.weather.cutEveryMs), () => this.cut());
  }

  up(message: Up): void {
    if (!this.#agentOpen) return;
    this.#upAtMs = this.#carry(Math.max(this.#upAtMs, this.line.upFromMs), () => {
      if (this.#coordinatorOpen) this.#coordinator.receive(message);
    });
  }

  down(message: Down): void {
    if (!this.#coordinatorOpen) return;
    const { downFromMs, downLagMs } = this.line;
    const fromMs = Math.max(this.#downAtMs, downFromMs, this.#world.time.nowMs + downLagMs);
    this.#downAtMs = this.#carry(fromMs, () => {
      if (this.#agentOpen) this.#agent.receive(message);
    });
  }

  /** The agent's side is gone or has had enough. */
  leaveAgent(): void {
    this.#agentOpen = false;
    this.#end(() => this.#tellCoordinator());
  }

  leaveCoordinator(): void {
    this.#coordinatorOpen = false;
    this.#end(() => this.#tellAgent());
  }

  /** Cut in the middle. Some cuts nobody notices until the silence is too long. */
  cut(): void {
    if (!this.#carries) return;
    const { counts, chance, weather } = this.#world;
    counts.cuts += 1;
    const silent = chance.hit(weather.silentCutRate);
    this.#end(() => {
      if (!silent || chance.hit(0.5)) this.#tellCoordinator();
      if (!silent || chance.hit(0.5)) this.#tellAgent();
    });
  }

  #end(tell: () => void): void {
    this.#carries = false;
    this.#world.time.after(this.#delayMs(), tell);
  }

  #tellAgent(): void {
    if (!this.#agentOpen) return;
    this.#agentOpen = false;
    this.#agent.closed();
  }

  #tellCoordinator(): void {
    if (!this.#coordinatorOpen) return;
    this.#coordinatorOpen = false;
    this.#coordinator.closed();
  }

  #carry(lastAtMs: number, deliver: () => void): number {
    const { time, counts, chance, weather } = this.#world;
    counts.messages += 1;
    const atMs = Math.max(lastAtMs, time.nowMs + this.#delayMs());
    if (chance.hit(weather.lossRate)) {
      counts.losses += 1;
      return atMs;
    }
    const arrive = () => {
      if (this.#carries) deliver();
    };
    time.after(atMs - time.nowMs, arrive);
    if (chance.hit(weather.doubleRate)) {
      counts.doubles += 1;
      time.after(atMs - time.nowMs, arrive);
    }
    return atMs;
  }

  #delayMs(): number {
    const { chance, weather } = this.#world;
    // Mostly quick, sometimes as slow as the weather allows.
    return chance.hit(0.8) ? chance.between(0, 3) : chance.between(0, weather.delayMsMax);
  }
}
