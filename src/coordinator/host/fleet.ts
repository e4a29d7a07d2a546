/**
 * The fleet as placement sees it, host by host as each changes, and decisions about jobs from it.
 *
 * Every host that ever attached is in it: one that is away may still be the only lawful place for a
 * job. A device that a decision has taken stays taken until the decision is kept or dropped.
 */
import type { Digest } from "../../base/bytes.js";
import { timestamp } from "../../base/clock.js";
import { newId } from "../../base/ids.js";
import type { DataSet } from "../../model/data-set.js";
import type { Bounds, Taken } from "../../model/decision.js";
import {
  type DeviceLoad,
  deviceKind,
  type HostView,
  loaded,
  type RunLoad,
  unloaded,
  withRun,
} from "../../model/host.js";
import type { JobSpec } from "../../model/job.js";
import { bookAt } from "../../model/price-book.js";
import { noUsage, type Usage } from "../../model/quota.js";
import type { Counts } from "../../model/terms.js";
import { type Ask, Asks } from "../../scheduler/placement/ask.js";
import { Board } from "../../scheduler/placement/board.js";
import { decide, type Judgement } from "../../scheduler/placement/decide.js";
import type { Origin } from "../../scheduler/placement/origin.js";
import type { Core } from "../core.js";
import { countsFor } from "../dispatch/data-uses.js";

/** A judgement, the data that it is about, and what the books said of it. */
export interface BookedJudgement extends Judgement {
  readonly dataSet: DataSet | undefined;
  readonly counts: Counts | undefined;
}

export interface ReadQuestion extends Pick<BookedJudgement, "dataSet" | "counts"> {
  readonly job: JobSpec;
  /** RFC 3339. */
  readonly at: string;
}

export class Fleet {
  readonly #core: () => Core;
  readonly #board = new Board();
  readonly #asks = new Asks(this.#board);
  readonly #stale = new Set<string>();
  /** By host. */
  readonly #taken = new Map<string, readonly DeviceLoad[]>();
  /** What a gang holds that waits for the rest of its room. */
  #held: readonly Taken[] = [];

  constructor(core: () => Core) {
    this.#core = core;
  }

  /** Something about this host is no longer as it was. */
  changed(host: string): void {
    this.#stale.add(host);
  }

  /** Sees what has changed; decisions between two of these are made from one fleet. */
  refresh(): void {
    for (const name of this.#stale) {
      const view = this.#viewOf(name);
      if (view !== undefined) this.#board.put(view);
    }
    this.#stale.clear();
  }

  /** Healthy devices of hosts that are attached, by kind. */
  capacity(): Usage {
    const capacity = noUsage();
    for (const { names } of this.#board.cells) {
      const view = names[0] === undefined ? undefined : this.#board.view(names[0]);
      if (!view?.attached) continue;
      for (const device of view.devices) {
        if (device.health === undefined) capacity[deviceKind(device)] += names.length;
      }
    }
    return capacity;
  }

  hasRoom(): boolean {
    return this.#board.hasRoom();
  }

  /** From the fleet as it was at the last refresh, less what has been taken since. */
  async decide(
    { spec, digest }: { readonly spec: JobSpec; readonly digest: Digest },
    bounds?: Bounds,
  ): Promise<BookedJudgement> {
    return this.decideNow(await this.question(spec), digest, bounds);
  }

  /** The same of what has been read already: between several of these nobody else decides. */
  decideNow(question: ReadQuestion, digest: Digest, bounds?: Bounds): BookedJudgement {
    const { random, policy } = this.#core().ports;
    const names = { id: newId("dec", random), jobDigest: digest };
    const book = bookAt(this.#core().ports.prices, question.at);
    const judgement = decide(this.#asks, { ...names, ...question, bounds, policy, book });
    return { ...judgement, dataSet: question.dataSet, counts: question.counts };
  }

  /** What any host is to a job now. */
  async ask(spec: JobSpec, bounds?: Bounds): Promise<Ask> {
    const question = await this.question(spec);
    this.refresh();
    return this.askNow(question, bounds);
  }

  askNow(question: ReadQuestion, bounds?: Bounds): Ask {
    const { policy, prices } = this.#core().ports;
    return this.#asks.ask(policy, { ...question, bounds }, bookAt(prices, question.at));
  }

  /** What is read for a decision about a job. */
  async question(job: JobSpec): Promise<ReadQuestion> {
    const { clock, store } = this.#core().ports;
    const atMs = clock.wallMs();
    const name = job.dataSet;
    const dataSet = name === undefined ? undefined : (await store.dataSets.get(name))?.facts;
    const counts = await countsFor(store, dataSet, job.owner, atMs);
    return { job, dataSet, counts, at: timestamp(atMs) };
  }

  take(host: string, demand: RunLoad): void {
    this.#taken.set(host, withRun(this.#taken.get(host) ?? [], demand));
    this.#board.take(host, demand);
  }

  /** What was taken for jobs that do not get it after all. */
  giveBack(taken: readonly Taken[]): void {
    for (const { host, ...load } of taken) {
      this.#taken.set(host, unloaded(this.#taken.get(host) ?? [], load));
      this.#stale.add(host);
    }
    this.refresh();
  }

  /** Keeps these from everyone, in place of what was held before. */
  hold(taken: readonly Taken[]): void {
    if (this.#held.length === 0 && taken.length === 0) return;
    for (const { host } of [...this.#held, ...taken]) this.#stale.add(host);
    this.#held = taken;
    this.refresh();
  }

  /** Its paper is durable. */
  kept(origin: Origin): void {
    this.#board.kept(origin);
  }

  /** The decisions of a round are kept or dropped: from here on the runs that there are count. */
  settle(): void {
    for (const host of this.#taken.keys()) this.#stale.add(host);
    this.#taken.clear();
  }

  #viewOf(name: string): HostView | undefined {
    const core = this.#core();
    const host = core.hosts.get(name);
    if (host === undefined) return undefined;
    const { place, devices, dataSets, cores, memoryBytes } = host;
    const held: DeviceLoad[] = [
      ...core.claims.held(name, (id) => core.runs.get(id) !== undefined),
      ...this.#held.filter((taken) => taken.host === name),
    ];
    return {
      name,
      place,
      devices,
      dataSets,
      ...(cores === undefined ? {} : { cores }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      attached: core.sessions.has(name),
      cordoned: host.cordon !== undefined,
      load: [...(this.#taken.get(name) ?? []), ...held].reduce(loaded, core.runs.load(name)),
    };
  }
}
