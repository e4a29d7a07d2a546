/**
 * Durable things of a node that may fail under it. Each operation takes a while, and may fail with
 * nothing done, or take its process with it just before or just after its effect. Effects are
 * whole: that is what the real adapters promise, and what their own tests check.
 */
import { QuipuError } from "../../src/base/errors.js";
import type { DurableFolder } from "../../src/io/store/durable-folder.js";
import type { World } from "./world.js";

/** One start of a process. Once it is over, nothing that it waits for ever comes. */
export class Life {
  over = false;
  #turn: Promise<void> | undefined;

  constructor(readonly die: (why: string) => void) {}

  /** All who wait go on in the same moment, so that what they ask of a store shares a commit. */
  together({ time }: World, delayMs: number): Promise<void> {
    this.#turn ??= time.delay(delayMs).then(() => {
      this.#turn = undefined;
    });
    return this.#turn;
  }
}

const sharedTurnRate = 0.5;

/** `target` as a process of this life sees it, with these of its methods failing by chance. */
export function unreliable<T extends object>(
  world: World,
  life: Life,
  target: T,
  methods: readonly (keyof T & string)[],
): T {
  return new Proxy(target, {
    get(from, name) {
      const value = Reflect.get(from, name) as unknown;
      if (typeof value !== "function") return value;
      const call = value.bind(from) as (...args: unknown[]) => unknown;
      if (!methods.includes(name as keyof T & string)) return call;
      return (...args: unknown[]) => attempt(world, life, String(name), () => call(...args));
    },
  });
}

async function attempt(
  world: World,
  life: Life,
  name: string,
  effect: () => unknown,
): Promise<unknown> {
  const { chance, weather } = world;
  const never = new Promise<never>(() => {});
  if (life.over) return await never;
  const delayMs = chance.between(0, weather.diskDelayMsMax);
  await (chance.hit(sharedTurnRate) ? life.together(world, delayMs) : world.time.delay(delayMs));
  if (life.over) return await never;
  if (chance.hit(weather.diskFaultRate)) {
    world.counts.diskFaults += 1;
    throw new QuipuError(chance.pick(["DISK_FULL", "IO"]), `${name} fails on purpose`);
  }
  const crash = chance.hit(weather.diskCrashRate) ? chance.pick(["before", "after"]) : undefined;
  if (crash === "before") life.die(`before ${name}`);
  if (crash === "before") return await never;
  const answer = await effect();
  if (crash === "after") life.die(`after ${name}`);
  if (life.over) return await never;
  await world.time.delay(chance.between(0, weather.diskDelayMsMax));
  return life.over ? await never : answer;
}

const slowReadRate = 0.3;

/** Tables as they are read outside of transactions, which others' commits hold up now and then. */
export function withSlowReads<Tables extends object>(
  world: World,
  life: Life,
  tables: Tables,
): Tables {
  if (world.weather.readDelayMsMax === 0) return tables;
  const slow = Object.entries(tables).map(([name, table]) => {
    const isTable = typeof table === "object";
    return [name, isTable ? withSlowMethods(world, life, table as object) : table];
  });
  return Object.fromEntries(slow) as Tables;
}

function withSlowMethods(world: World, life: Life, table: object): object {
  return new Proxy(table, {
    get(from, name) {
      const method = Reflect.get(from, name) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        const { chance, time, weather } = world;
        if (chance.hit(slowReadRate)) await time.delay(chance.between(0, weather.readDelayMsMax));
        if (life.over) return await new Promise<never>(() => {});
        return await method.apply(from, args);
      };
    },
  });
}

/** Whole files that outlive their host's crashes. */
export class MemoryFolder implements DurableFolder {
  readonly #files = new Map<string, Uint8Array>();

  async put(name: string, bytes: Uint8Array): Promise<void> {
    this.#files.set(name, bytes.slice());
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    return this.#files.get(name);
  }

  async delete(name: string): Promise<void> {
    this.#files.delete(name);
  }

  async names(): Promise<readonly string[]> {
    return [...this.#files.keys()].sort();
  }
}
