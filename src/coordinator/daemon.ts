/**
 * Puts a coordinator together on a real machine: keys, database, log, artifact store, HTTP, gRPC.
 * Everything here is an adapter; what the coordinator decides is in `coordinator.ts` and below.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, toHex } from "../base/bytes.js";
import type { Clock } from "../base/clock.js";
import { QuipuError } from "../base/errors.js";
import type { Random } from "../base/random.js";
import type { Signer } from "../base/signature.js";
import { artifactLimits } from "../io/artifact/size-limit.js";
import { type ArtifactStore, openArtifactStore } from "../io/artifact/store.js";
import type { HttpServer } from "../io/http/server.js";
import { loadOrCreateSigner } from "../io/identity/signer.js";
import { type RpcServer, serve } from "../io/rpc/server.js";
import type { CoordinatorStore } from "../io/store/coordinator-store.js";
import type { Artifact } from "../model/artifact.js";
import { openCheckpoint } from "../proof/tlog/checkpoint.js";
import { verifierKeyOf } from "../proof/tlog/note.js";
import { isPolicyFile } from "../scheduler/policy/policy-files.js";
import { services } from "./api/services.js";
import { Coordinator, tickEveryMs } from "./coordinator.js";
import type { Leadership } from "./leadership.js";
import { PolicyBook } from "./policy-book.js";
import type { CoordinatorEvent } from "./ports.js";
import { readPriceBooks } from "./price-files.js";
import { Sequencer } from "./sequencer.js";
import { serveCoordinator } from "./serve.js";
import { openStorage, type Storage, type Writable } from "./storage.js";

export interface DaemonOptions {
  readonly version: string;
  /** Open, and held by the caller. */
  readonly stateFolder: string;
  /** Address of a PostgreSQL database that may be shared; empty: a file in the state folder. */
  readonly store: string;
  /** Of leadership, where the database may be shared. */
  readonly leaderLeaseMs: number;
  /** Ends the wait for leadership. */
  readonly signal: AbortSignal;
  /** `127.0.0.1:PORT` or `unix:/PATH`. */
  readonly listen: string;
  readonly httpListen: string;
  /** Folder of policy files; empty: those that come with the program. */
  readonly policyFolder: string;
  readonly ownPolicyFolder: string;
  /** Folder of price books; empty: nothing has a price. */
  readonly priceFolder: string;
  /** The log's name; empty: the one it has, or one made from its key. */
  readonly origin: string;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly leaseMarginMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly observe: (event: DaemonEvent) => void;
}

export type DaemonEvent =
  | CoordinatorEvent
  /** Another coordinator leads; this one waits. */
  | { readonly kind: "standby" }
  /** Another coordinator has taken over: this process must end. */
  | { readonly kind: "deposed"; readonly error: QuipuError }
  | { readonly kind: "fault"; readonly id: string; readonly what: string; readonly error: unknown };

export class CoordinatorDaemon {
  readonly #parts: Parts;
  readonly #timer: NodeJS.Timeout;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void parts.coordinator.tick(), tickEveryMs);
  }

  /** Recovers, listens, and serves. A part that cannot be opened closes those before it. */
  static async open(options: DaemonOptions): Promise<CoordinatorDaemon> {
    const opened: (() => Promise<void>)[] = [];
    try {
      return new CoordinatorDaemon(await openParts(options, opened));
    } catch (thrown) {
      for (const close of opened.reverse()) await close();
      throw thrown;
    }
  }

  get grpcAddress(): string {
    return this.#parts.grpc.address;
  }

  get httpUrl(): string {
    return this.#parts.http.url;
  }

  /** Lets calls in flight finish, ends streams, closes the database last. */
  async close(): Promise<void> {
    const { coordinator, grpc, http, store, leadership } = this.#parts;
    clearInterval(this.#timer);
    coordinator.stop();
    await Promise.all([grpc.close(), http.close()]);
    await leadership?.close();
    await store.close();
  }
}

interface Parts {
  readonly coordinator: Coordinator;
  readonly store: CoordinatorStore;
  readonly http: HttpServer;
  readonly grpc: RpcServer;
  readonly leadership: Leadership | undefined;
}

async function openParts(options: DaemonOptions, opened: (() => Promise<void>)[]): Promise<Parts> {
  const { stateFolder, clock, random, observe } = options;
  const keys = join(stateFolder, "keys");
  const policyFiles = await readPolicyFolder(options.policyFolder || options.ownPolicyFolder);
  const prices = await readPriceBooks(options.priceFolder);
  const logSigner = await loadOrCreateSigner(keys, "log", "ed25519");
  const grantSigner = await loadOrCreateSigner(keys, "grants", "ecdsa-p256-sha256");
  const artifacts = await openArtifactStore(join(stateFolder, "artifacts"));
  const storage = await openStorage(stateFolder, options.store);
  opened.push(() => storage.store.close());
  const origin = originOf(options.origin, await storage.logFiles.committed(), logSigner);
  let stage: Stage = storage.isShared ? "standing by: another coordinator leads" : "recovering";
  let running: Coordinator | undefined;
  const http = await serveCoordinator({
    listen: options.httpListen,
    clock,
    store: artifacts,
    grantKey: grantSigner.publicKey,
    readLog: (path) => storage.logFiles.read(path),
    sizeBytesMax: artifactLimits.blobBytesMax,
    coordinator: () => running,
    notReady: async () => (running === undefined ? stage : await silence(storage)),
    onFault: ({ id, error }) => observe({ kind: "fault", id, what: "HTTP", error }),
  });
  opened.push(() => http.close());
  const { store, logFiles, leadership } = await lead(storage, options);
  if (leadership !== undefined) opened.push(() => leadership.close());
  stage = "recovering";
  const named = options.policyFolder !== "";
  const policies = await PolicyBook.open(store, clock, { files: policyFiles, named });
  const log = await Sequencer.open({ store: logFiles, signer: logSigner, origin, clock });
  const coordinator = await Coordinator.start(
    {
      clock,
      random,
      store,
      ...(leadership === undefined ? {} : { leads: () => leadership.leads }),
      log,
      policy: policies,
      prices,
      artifacts: {
        has: async (digest) => (await artifacts.stat(digest)) !== undefined,
        list: () => listBlobs(artifacts),
      },
      grants: { signer: grantSigner, artifactUrl: http.url },
      defer: (task) => void setImmediate(task),
      observe,
    },
    { ...options, tilesUrl: http.url },
  );
  running = coordinator;
  const grpc = await serve({
    listen: options.listen,
    services: services(coordinator, policies),
    onFault: ({ id, method, error }) => observe({ kind: "fault", id, what: method, error }),
  });
  return { coordinator, store: storage.store, http, grpc, leadership };
}

type Stage = "standing by: another coordinator leads" | "recovering";

function lead(storage: Storage, options: DaemonOptions): Promise<Writable> {
  const { clock, random, signal, observe } = options;
  return storage.lead({
    clock,
    random,
    leaseMs: options.leaderLeaseMs,
    signal,
    onWait: () => observe({ kind: "standby" }),
    onTrouble: (error) => observe({ kind: "trouble", what: "leadership", error }),
    onLost: (error) => observe({ kind: "deposed", error }),
  });
}

/** What keeps the store from answering; nothing when it answers. */
function silence({ store }: Storage): Promise<string | undefined> {
  return store.check().then(
    () => undefined,
    ({ message }: Error) => message,
  );
}

/**
 * The log's name is given at its birth, by the caller or after its key, and stays. A key that is not
 * the log's is told now, not when this coordinator has to take over.
 */
function originOf(wanted: string, committed: string | undefined, signer: Signer): string {
  const born = committed?.split("\n", 1)[0];
  if (committed === undefined || born === undefined) {
    return wanted || `quipu.local/${toHex(sha256(signer.publicKey)).slice(0, 16)}`;
  }
  if (wanted !== "" && wanted !== born) {
    throw new QuipuError("CONFLICT", `the log here is named ${born}, not ${wanted}`, {
      next: `leave --origin out or write --origin ${born}; another name needs another log`,
    });
  }
  openCheckpoint(committed, [verifierKeyOf(signer, born)]);
  return born;
}

/** A blob alone has no name and no type; those belong to the outputs of runs. */
async function listBlobs(artifacts: ArtifactStore): Promise<readonly Artifact[]> {
  const listed: Artifact[] = [];
  for await (const { digest, sizeBytes } of artifacts.list()) {
    listed.push({ name: "", digest, blake3: "", sizeBytes, mediaType: "application/octet-stream" });
  }
  return listed;
}

async function readPolicyFolder(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  try {
    const names = (await readdir(folder)).filter(isPolicyFile).sort();
    for (const name of names) files[name] = await readFile(join(folder, name), "utf8");
  } catch (cause) {
    throw new QuipuError("NOT_FOUND", `the policy folder ${folder} cannot be read`, {
      next: "give a folder of .cedar files with --policy",
      cause,
    });
  }
  if (Object.keys(files).length === 0) {
    throw new QuipuError("NOT_FOUND", `no policy is in ${folder}, so nothing could be allowed`, {
      next: "put .cedar files there, or leave --policy out for the rules that come with Quipu",
    });
  }
  return files;
}
