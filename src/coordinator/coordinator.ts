/** One coordinator over its ports: what a process, a test and a simulator start, drive and stop. */
import type { AttachRequest } from "../gen/quipu/v1/attach_pb.js";
import type { HostRecord } from "../io/store/records.js";
import { Audits } from "./audit/audits.js";
import { Burst } from "./burst/burst.js";
import { Changes } from "./changes.js";
import { type Core, tellOwed } from "./core.js";
import { Deadlines } from "./dispatch/deadlines.js";
import { Dispatcher } from "./dispatch/dispatch.js";
import { JobQueue } from "./dispatch/job-queue.js";
import { GangHold } from "./gang/gang-hold.js";
import { Gangs } from "./gang/gangs.js";
import { Claims } from "./host/claims.js";
import { Fleet } from "./host/fleet.js";
import { Holders } from "./host/holders.js";
import { finishOwed, tick } from "./host/leases.js";
import { Session } from "./host/session.js";
import { ActiveRuns } from "./job/active-runs.js";
import { LogBook } from "./log/log-book.js";
import { bringNotices, Notices } from "./log/notices.js";
import { ReceiptsOwed } from "./log/receipts-owed.js";
import { Retention } from "./log/retention.js";
import type { AgentLink, CoordinatorOptions, CoordinatorPorts } from "./ports.js";
import { recover } from "./recover.js";

/** How often a stream, a lease and a staged receipt are looked at. */
export const tickEveryMs = 250;

export class Coordinator {
  readonly core: Core;
  readonly #dispatcher: Dispatcher;
  readonly #retention: Retention;
  #ticking: Promise<void> | undefined;
  #finishing = false;

  private constructor(core: Core, dispatcher: Dispatcher) {
    this.core = core;
    this.#dispatcher = dispatcher;
    this.#retention = new Retention(core);
  }

  /** Reads what is durable and goes on from there; every run that it finds gets a full lease. */
  static async start(ports: CoordinatorPorts, options: CoordinatorOptions): Promise<Coordinator> {
    const dispatcher: Dispatcher = new Dispatcher(() => core);
    const { burst } = ports;
    const hosts = new Map<string, HostRecord>();
    const core: Core = {
      ports,
      options,
      runs: new ActiveRuns((host) => core.fleet.changed(host)),
      fleet: new Fleet(() => core),
      queue: new JobQueue(() => core),
      claims: new Claims((host) => core.fleet.changed(host)),
      gangs: new Gangs(() => core),
      audits: new Audits(() => core),
      gangHold: new GangHold(),
      deadlines: new Deadlines(),
      quotas: new Map(),
      changes: new Changes(),
      logBook: new LogBook(ports.log, ports.store),
      notices: new Notices(ports),
      hosts,
      holders: new Holders(hosts),
      revokedKeys: new Set(),
      sessions: new Map(),
      away: new Map(),
      braked: new Set(),
      strangers: new Set(),
      earlyCancels: new Map(),
      finishing: new Map(),
      receiptsOwed: new ReceiptsOwed((isFull) => tellOwed(core, isFull)),
      burst: undefined,
      wake: () => dispatcher.wake(),
    };
    if (burst !== undefined) core.burst = new Burst(core, burst);
    await recover(core);
    core.wake();
    return new Coordinator(core, dispatcher);
  }

  /** A stream from an agent, that has not said who it is yet. */
  open(link: AgentLink): AgentStream {
    return new Session(this.core, link);
  }

  /** To be called every `tickEveryMs`; while a database stalls the tick that waits for it does for all. */
  tick(): Promise<void> {
    this.#ticking ??= this.#tick().finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  async #tick(): Promise<void> {
    const { core } = this;
    void this.#finishOwed(); // leases are watched also while the log hangs
    await tick(core);
    void core.burst?.tick();
    void this.#retention.step();
    core.gangs.retry();
    core.audits.retry();
    if (core.gangHold.isOver(core.ports.clock.bootMs())) {
      core.fleet.hold([]);
      core.wake();
    }
    this.#dispatcher.retry();
  }

  async #finishOwed(): Promise<void> {
    if (this.#finishing) return; // a slow log must not gather ticks that ask it all the same
    this.#finishing = true;
    await finishOwed(this.core);
    await bringNotices(this.core);
    this.#finishing = false;
  }

  /** Ends every stream. What is durable needs no goodbye. */
  stop(): void {
    const { sessions, strangers } = this.core;
    for (const session of [...sessions.values(), ...strangers]) session.close();
  }
}

export interface AgentStream {
  receive(request: AttachRequest): Promise<void>;
  close(): void;
}
