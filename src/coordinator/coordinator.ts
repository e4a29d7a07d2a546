/** One coordinator over its ports: what a process, a test and a simulator start, drive and stop. */
import { QuipuError } from "../base/errors.js";
import type { AttachRequest } from "../gen/quipu/v1/attach_pb.js";
import { ActiveRuns } from "./active-runs.js";
import { Burst } from "./burst/burst.js";
import { layPilotHosts } from "./burst/hosts.js";
import { Changes } from "./changes.js";
import { Claims } from "./claims.js";
import { type Core, leaseEnd } from "./core.js";
import { Deadlines, spentAtMs } from "./deadlines.js";
import { Dispatcher } from "./dispatch.js";
import { Fleet } from "./fleet.js";
import { GangHold } from "./gang-hold.js";
import { Gangs } from "./gangs.js";
import { JobQueue, runningJob } from "./job-queue.js";
import { finishOwed, tick } from "./leases.js";
import { LogBook } from "./log-book.js";
import type { AgentLink, CoordinatorOptions, CoordinatorPorts } from "./ports.js";
import { Session } from "./session.js";
import { specOf } from "./specs.js";
import { decisionOf } from "./wire.js";

/** How often a stream, a lease and a staged receipt are looked at. */
export const tickEveryMs = 250;

export class Coordinator {
  readonly core: Core;
  readonly #dispatcher: Dispatcher;
  #finishing = false;

  private constructor(core: Core, dispatcher: Dispatcher) {
    this.core = core;
    this.#dispatcher = dispatcher;
  }

  /** Reads what is durable and goes on from there; every run that it finds gets a full lease. */
  static async start(ports: CoordinatorPorts, options: CoordinatorOptions): Promise<Coordinator> {
    const dispatcher: Dispatcher = new Dispatcher(() => core);
    const { burst } = ports;
    const core: Core = {
      ports,
      options,
      runs: new ActiveRuns((host) => core.fleet.changed(host)),
      fleet: new Fleet(() => core),
      queue: new JobQueue(() => core),
      claims: new Claims((host) => core.fleet.changed(host)),
      gangs: new Gangs(() => core),
      gangHold: new GangHold(),
      deadlines: new Deadlines(),
      quotas: new Map(),
      changes: new Changes(),
      logBook: new LogBook(ports.log, ports.store),
      hosts: new Map(),
      sessions: new Map(),
      away: new Map(),
      braked: new Set(),
      strangers: new Set(),
      earlyCancels: new Map(),
      finishing: new Map(),
      receiptsOwed: new Set(),
      burst: undefined,
      wake: () => dispatcher.wake(),
    };
    if (burst !== undefined) core.burst = new Burst(core, burst);
    await readHosts(core);
    for (const run of await ports.store.runs.inStages(["assigned", "acknowledged"])) {
      const job = await ports.store.jobs.get(run.jobId);
      if (job === undefined) throw new QuipuError("INTERNAL", `run ${run.id} has no job`);
      const decision = await ports.store.decisions.get(run.decisionId);
      const spent = spentAtMs(specOf(job), run, decision && decisionOf(decision.content));
      core.runs.add(run, leaseEnd(core), { ...runningJob(job), spentAtMs: spent }, true);
      core.away.set(run.host, ports.clock.bootMs());
      core.gangs.look(job);
    }
    for (const { runId } of await ports.store.receipts.inStage("staged")) {
      core.receiptsOwed.add(runId);
    }
    for (const quota of await ports.store.quotas.all()) core.quotas.set(quota.owner, quota);
    await core.queue.load();
    await finishOwed(core);
    core.wake();
    return new Coordinator(core, dispatcher);
  }

  /** A stream from an agent, that has not said who it is yet. */
  open(link: AgentLink): AgentStream {
    return new Session(this.core, link);
  }

  /** To be called every `tickEveryMs`. */
  async tick(): Promise<void> {
    await tick(this.core);
    void this.core.burst?.tick();
    this.core.gangs.retry();
    if (this.core.gangHold.isOver(this.core.ports.clock.bootMs())) {
      this.core.fleet.hold([]);
      this.core.wake();
    }
    this.#dispatcher.retry();
    if (this.#finishing) return; // a slow log must not gather ticks that ask it all the same
    this.#finishing = true;
    await finishOwed(this.core);
    this.#finishing = false;
  }

  /** Ends every stream. What is durable needs no goodbye. */
  stop(): void {
    const { sessions, strangers } = this.core;
    for (const session of [...sessions.values(), ...strangers]) session.close();
  }
}

async function readHosts({ ports: { store, burst, clock }, hosts, fleet }: Core): Promise<void> {
  const known = await store.hosts.all();
  if (burst !== undefined || known.some(({ offer }) => offer !== undefined)) {
    await store.transact((tables) => layPilotHosts(tables, burst?.config, clock.wallMs()));
  }
  for (const host of await store.hosts.all()) {
    hosts.set(host.name, host);
    fleet.changed(host.name);
  }
}

export interface AgentStream {
  receive(request: AttachRequest): Promise<void>;
  close(): void;
}
