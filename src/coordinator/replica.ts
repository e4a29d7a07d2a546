/**
 * One of the coordinators that share a database, or the only one. It leads when it may; until then
 * whatever it is asked it asks the leader, so that clients and agents may come to any of them. When
 * leadership moves the calls that it passes on end, and their callers ask again.
 */
import { QuipuError } from "../base/errors.js";
import type { Binding } from "../io/rpc/service.js";
import type { Switchboard } from "../io/rpc/switchboard.js";
import { askWitness } from "../io/witness/ask-witness.js";
import type { PriceBook } from "../model/price-book.js";
import { Sequencer } from "../proof/tlog/sequencer.js";
import type { LogStore } from "../proof/tlog/store.js";
import { verifierKeyOf } from "../proof/tlog/verifier-key.js";
import { logService } from "./api/log-service.js";
import { services } from "./api/services.js";
import { burstPort } from "./burst/providers.js";
import { Coordinator, tickEveryMs } from "./coordinator.js";
import type { DaemonOptions } from "./daemon.js";
import { keysDigest, type Shared, shelfOf } from "./keys-and-blobs.js";
import type { Leadership } from "./leadership.js";
import { askNobody, CosignedLog } from "./log/cosigned-log.js";
import { Notices } from "./log/notices.js";
import { PublishedLog } from "./log/published-log.js";
import { PolicyBook } from "./policy-book.js";
import type { Storage, Writable } from "./storage.js";

/** How often witnesses are asked, while the log has grown since they cosigned it. */
const witnessEveryMs = 1_000;

export interface ReplicaParts {
  readonly shared: Shared;
  readonly storage: Storage;
  /** The log's name. */
  readonly origin: string;
  /** What is asked of this coordinator comes in here. */
  readonly board: Switchboard;
  readonly policyFiles: Readonly<Record<string, string>>;
  readonly prices: readonly PriceBook[];
  readonly httpUrl: string;
}

export class Replica {
  /** Resolves when calls are answered here, by this one or by the leader. */
  readonly answering: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #parts: ReplicaParts;
  readonly #taking: Promise<void>;
  #leader: string | undefined;
  #leadership: Leadership | undefined;
  #coordinator: Coordinator | undefined;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(options: DaemonOptions, parts: ReplicaParts) {
    this.#options = options;
    this.#parts = parts;
    let standsBy = (): void => undefined;
    const waits = new Promise<void>((resolve) => {
      standsBy = resolve;
    });
    this.#taking = this.#takeOver(standsBy);
    this.answering = Promise.race([this.#taking, waits]);
    this.#taking.catch((thrown: unknown) => {
      if (this.#leader === undefined || options.signal.aborted) return; // `answering` tells
      options.observe({ kind: "unable", error: QuipuError.from(thrown) });
    });
  }

  /** Undefined while it stands by or recovers. */
  get coordinator(): Coordinator | undefined {
    return this.#coordinator;
  }

  /** Ends every stream. The signal of the options has ended the wait for leadership. */
  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#coordinator?.stop();
    this.#parts.board.refuse("this coordinator is ending");
  }

  /** Lets another one follow at once. */
  async close(): Promise<void> {
    await this.#taking.catch(() => undefined);
    this.stop();
    await this.#leadership?.close();
  }

  async #takeOver(standsBy: () => void): Promise<void> {
    const { board, shared } = this.#parts;
    const writable = await this.#lead(standsBy);
    this.#leadership = writable.leadership;
    board.refuse("this coordinator has taken over and is recovering");
    await shared.artifacts.recount();
    const { coordinator, policies, log } = await this.#start(writable);
    this.#coordinator = coordinator;
    this.#timers.push(setInterval(() => void coordinator.tick(), tickEveryMs));
    if (log instanceof CosignedLog) {
      this.#timers.push(setInterval(() => void log.step(), witnessEveryMs));
    }
    board.answerWith(services(coordinator, policies));
    this.#options.observe({ kind: "leading" });
  }

  #lead(standsBy: () => void): Promise<Writable> {
    const { clock, random, signal, observe, leaderLeaseMs: leaseMs, advertise } = this.#options;
    const { storage, shared, board } = this.#parts;
    return storage.lead({
      clock,
      random,
      leaseMs,
      address: advertise,
      keys: keysDigest(shared),
      signal,
      onWait: ({ address }) => {
        if (address === this.#leader) return;
        this.#leader = address;
        if (address === "") board.refuse("the leading coordinator does not say where it is");
        else board.relayTo(address, [this.#logService()]);
        observe({ kind: "standby", leader: address });
        standsBy();
      },
      onTrouble: (error) => observe({ kind: "trouble", what: "leadership", error }),
      onLost: (error) => observe({ kind: "deposed", error }),
    });
  }

  /** What one that stands by answers itself. */
  #logService(): Binding {
    const { storage, shared, origin, httpUrl } = this.#parts;
    const key = verifierKeyOf(shared.logSigner, origin);
    const { policyText } = this.#options.witnesses ?? {};
    const log = new PublishedLog((path) => storage.logFiles.read(path), key, policyText);
    const { noticeSigner } = shared;
    const ports = { store: storage.store, log, noticeSigner };
    return logService({ ports, options: { tilesUrl: httpUrl } });
  }

  async #start({ store, logFiles, leadership }: Writable) {
    const { clock, random, observe, policyFolder, hashMany } = this.#options;
    const { shared, origin, policyFiles: files, prices, httpUrl } = this.#parts;
    const { logSigner: signer, noticeSigner } = shared;
    const log = await this.#witnessed(
      await Sequencer.open({
        store: logFiles,
        signer,
        origin,
        clock,
        ...(hashMany && { hashMany }),
      }),
      logFiles,
    );
    const notices = new Notices({ clock, random, store, log, noticeSigner });
    const folder = { files, named: policyFolder !== "" };
    const policies = await PolicyBook.open(store, clock, folder, (tables, taken) =>
      notices.did(tables, taken),
    );
    const coordinator = await Coordinator.start(
      {
        clock,
        random,
        store,
        ...(leadership === undefined ? {} : { leads: () => leadership.leads }),
        log,
        hashMany,
        policy: policies,
        prices,
        artifacts: shelfOf(shared.artifacts),
        grants: { signer: shared.grantSigner, artifactUrl: httpUrl },
        noticeSigner,
        burst: burstPort(this.#options, origin),
        defer: (task) => void setImmediate(task),
        observe,
      },
      { ...this.#options, tilesUrl: httpUrl },
    );
    return { coordinator, policies, log };
  }

  async #witnessed(log: Sequencer, logFiles: LogStore): Promise<Sequencer | CosignedLog> {
    const { witnesses, observe } = this.#options;
    if (witnesses === undefined) {
      await askNobody(logFiles);
      return log;
    }
    return await CosignedLog.open(log, logFiles, {
      ...witnesses,
      ask: askWitness,
      onTrouble: (error) => observe({ kind: "trouble", what: "witness", error }),
    });
  }
}
