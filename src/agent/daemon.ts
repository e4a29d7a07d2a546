/**
 * Puts an agent together on a real host: folders, key, worker processes, artifact store, HTTP,
 * telemetry, and the stream. Everything here is an adapter; what the agent decides is in `agent.ts`.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Clock } from "../base/clock.js";
import { QuipuError } from "../base/errors.js";
import type { Random } from "../base/random.js";
import { Hasher } from "../compute/native/hashing.js";
import { nativeSha256Many } from "../compute/native/sha256-many.js";
import { type ArtifactStore, openArtifactStore } from "../io/artifact/store.js";
import type { HttpServer } from "../io/http/server.js";
import { loadOrCreateSigner } from "../io/identity/signer.js";
import { type EntryFile, openEntryFile } from "../io/store/entry-file.js";
import { startTelemetry, type Telemetry } from "../io/telemetry/telemetry.js";
import type { Place } from "../model/place.js";
import { Agent, type AgentView } from "./agent.js";
import { AttachLink } from "./attach.js";
import { Devices } from "./devices.js";
import { HostInventory } from "./inventory.js";
import type { AgentEvent, AgentIdentity } from "./ports.js";
import { HostRunner } from "./runner.js";
import { runnerHost } from "./runner-host.js";
import { serveHost } from "./serve.js";
import { sampleMessage } from "./telemetry-message.js";

export interface AgentOptions {
  readonly name: string;
  readonly place: Place;
  readonly version: string;
  /** Addresses of the coordinator, or of those that share one store. */
  readonly coordinators: readonly string[];
  /** Open, and held by the caller. */
  readonly stateFolder: string;
  /** One subfolder a data set. */
  readonly dataFolder: string;
  readonly pilotToken?: string | undefined;
  readonly untilMs?: number | undefined;
  /** `127.0.0.1:0` for any free port. */
  readonly httpListen: string;
  /** Light runs that the processor takes at once. */
  readonly slots: number;
  readonly workerPath: string;
  /** Program that reads the GPUs' telemetry. */
  readonly gpuHelperPath: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly observe: (event: DaemonEvent) => void;
}

export type DaemonEvent =
  | AgentEvent
  | { readonly kind: "unattached"; readonly error: QuipuError; readonly retryMs: number }
  | { readonly kind: "device"; readonly device: string; readonly text: string }
  | { readonly kind: "host"; readonly text: string };

const tickEveryMs = 100;
const telemetryEveryMs = 1_000;
/** Data sets laid on the host while the agent runs are announced within this time. */
const inventoryEveryMs = 2_000;
/** The first hello waits this long for devices; those that open later bring another hello. */
const devicesMs = 10_000;
const closeMs = 5_000;
/** For the last messages to leave. */
const flushMs = 200;

export class AgentDaemon {
  readonly #options: AgentOptions;
  readonly #telemetry: Telemetry;
  readonly #devices: Devices;
  readonly #inventory: HostInventory;
  readonly #link: AttachLink;
  readonly #agent: Agent;
  readonly #http: HttpServer;
  readonly #entries: EntryFile;
  readonly #timers: NodeJS.Timeout[] = [];
  #serving: Promise<void> | undefined;
  #looking = false;

  private constructor(options: AgentOptions, parts: Parts) {
    this.#options = options;
    this.#telemetry = parts.telemetry;
    this.#devices = parts.devices;
    this.#inventory = parts.inventory;
    this.#link = parts.link;
    this.#agent = parts.agent;
    this.#http = parts.http;
    this.#entries = parts.entries;
  }

  /** Everything is open; nothing has been said to the coordinator yet. */
  static async open(options: AgentOptions): Promise<AgentDaemon> {
    return new AgentDaemon(options, await openParts(options));
  }

  get httpUrl(): string {
    return this.#http.url;
  }

  get view(): AgentView {
    return this.#agent.view;
  }

  /** Begins to attach, and goes on until `close`. */
  serve(): void {
    const { observe } = this.#options;
    this.#timers.push(setInterval(() => this.#agent.tick(), tickEveryMs));
    this.#timers.push(setInterval(() => void this.#look(), inventoryEveryMs));
    this.#telemetry.onSample((sample) => this.#agent.telemetry(sampleMessage(sample)));
    this.#serving = this.#link.serve(this.#agent);
    if (this.#inventory.deviceCount === 0) {
      observe({ kind: "host", text: "no device is open yet: no job can be placed on this host" });
    }
  }

  /** Claims nothing more, stops what runs, reports it lost, keeps the spool, ends. */
  async close(): Promise<void> {
    const { clock, observe } = this.#options;
    this.#agent.end();
    const untilMs = clock.bootMs() + closeMs;
    while (this.#agent.busy && clock.bootMs() < untilMs) await setTimeout(tickEveryMs / 2);
    if (this.#agent.busy) {
      observe({ kind: "host", text: "ends with runs whose end could not be written yet" });
    }
    await setTimeout(flushMs);
    for (const timer of this.#timers) clearInterval(timer);
    this.#link.close();
    await this.#serving;
    this.#telemetry.close();
    await Promise.all([this.#devices.close(), this.#http.close()]);
    await this.#entries.close();
  }

  /** A changed inventory is said by a new hello, on a new stream; runs are not disturbed by it. */
  async #look(): Promise<void> {
    if (this.#looking) return; // a file system that hangs must not gather readers
    this.#looking = true;
    try {
      if (await this.#inventory.refresh()) this.#link.drop("the inventory of this host changed");
    } catch (thrown) {
      const error = QuipuError.from(thrown);
      this.#options.observe({ kind: "trouble", what: "look for data sets", error });
    } finally {
      this.#looking = false;
    }
  }
}

interface Parts {
  readonly telemetry: Telemetry;
  readonly devices: Devices;
  readonly inventory: HostInventory;
  readonly link: AttachLink;
  readonly agent: Agent;
  readonly http: HttpServer;
  readonly entries: EntryFile;
}

async function openParts(options: AgentOptions): Promise<Parts> {
  const { stateFolder, clock, random, observe } = options;
  const signer = await loadOrCreateSigner(
    join(stateFolder, "keys"),
    "receipt",
    "ecdsa-p256-sha256",
  );
  const store = await openStore(stateFolder);
  const devices = await Devices.start({
    workerPath: options.workerPath,
    slots: options.slots,
    observe: (device, text) => observe({ kind: "device", device, text }),
  });
  const telemetry = startTelemetry({
    intervalMs: telemetryEveryMs,
    clock,
    gpuHelperPath: options.gpuHelperPath,
  });
  await Promise.race([devices.opened(), setTimeout(devicesMs, undefined, { ref: false })]);
  const inventory = await HostInventory.read({
    agentVersion: options.version,
    dataRoot: options.dataFolder,
    devices: () => devices.list,
  });
  const link = new AttachLink({
    addresses: options.coordinators,
    random,
    observe: (error, retryMs) => observe({ kind: "unattached", error, retryMs }),
  });
  const scratchFolder = join(stateFolder, "scratch");
  // What runs of an earlier agent left behind; their workers ended with it.
  await rm(scratchFolder, { recursive: true, force: true });
  const told = (text: string): void => observe({ kind: "host", text });
  const { dataFolder } = options;
  const { workers } = devices;
  const host = runnerHost({ clock, dataFolder, scratchFolder, workers, store, observe: told });
  const entries = await openEntryFile(join(stateFolder, "runs.entries"));
  if (entries.cutBytes > 0) {
    told(
      `the last ${entries.cutBytes} bytes of runs.entries are no entries; runs.entries.cut has them`,
    );
  }
  let agent: Agent | undefined;
  const http = await serveHost({
    host: options.name,
    listen: options.httpListen,
    clock,
    store,
    telemetry,
    grantKey: () => link.grantKey,
    view: () => agent?.view,
    onFault: told,
  });
  agent = await Agent.recover(identityOf(options, http.url, inventory), {
    clock,
    random,
    journal: entries.section("journal"),
    spool: entries.section("spool"),
    signer,
    hashMany: nativeSha256Many(),
    runner: new HostRunner(host),
    link,
    observe,
  });
  return { telemetry, devices, inventory, link, agent, http, entries };
}

function identityOf(
  options: AgentOptions,
  httpUrl: string,
  inventory: HostInventory,
): AgentIdentity {
  const { name, place, version, pilotToken, untilMs } = options;
  return {
    host: name,
    ...{ place, version, httpUrl, pilotToken, untilMs },
    get inventory() {
      return inventory.message;
    },
  };
}

function openStore(stateFolder: string): Promise<ArtifactStore> {
  return openArtifactStore(join(stateFolder, "artifacts"), {
    hashers: {
      sha256: () => new Hasher({ algorithm: "sha256" }),
      blake3: () => new Hasher({ algorithm: "blake3" }),
    },
  });
}
