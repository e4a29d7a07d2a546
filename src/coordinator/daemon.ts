/**
 * Puts a coordinator together on a real machine: keys, database, log, artifact store, HTTP, gRPC.
 * Everything here is an adapter; what the coordinator decides is in `coordinator.ts` and below, and
 * whether it decides at all in `replica.ts`.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, toHex } from "../base/bytes.js";
import type { Clock } from "../base/clock.js";
import { QuipuError } from "../base/errors.js";
import type { Random } from "../base/random.js";
import type { Signer } from "../base/signature.js";
import { artifactLimits } from "../io/artifact/size-limit.js";
import type { LogFiles } from "../io/http/log-routes.js";
import type { HttpServer } from "../io/http/server.js";
import { type RpcServer, serve } from "../io/rpc/server.js";
import { Switchboard } from "../io/rpc/switchboard.js";
import type { CoordinatorStore } from "../io/store/coordinator-store.js";
import type { AuditRules } from "../model/audit.js";
import type { BurstConfig } from "../model/burst.js";
import { openCheckpoint } from "../proof/tlog/checkpoint.js";
import type { HashMany } from "../proof/tlog/hash.js";
import { verifierKeyOf } from "../proof/tlog/verifier-key.js";
import { loadPolicy } from "../scheduler/policy/engine.js";
import { isPolicyFile } from "../scheduler/policy/policy-files.js";
import { servedServices } from "./api/services.js";
import { openShared } from "./keys-and-blobs.js";
import { shownCheckpoint, type WitnessedBy } from "./log/cosigned-log.js";
import type { CoordinatorEvent } from "./ports.js";
import { readPriceBooks } from "./price-files.js";
import { Replica } from "./replica.js";
import { serveCoordinator, whyNotReady } from "./serve.js";
import { openStorage, type Storage } from "./storage.js";

export interface DaemonOptions {
  readonly version: string;
  /** Open, and held by the caller. */
  readonly stateFolder: string;
  /** Address of a PostgreSQL database that may be shared; empty: a file in the state folder. */
  readonly store: string;
  /** Of leadership, where the database may be shared. */
  readonly leaderLeaseMs: number;
  /** Folder of keys and blobs that all who share the database open; empty: the state folder. */
  readonly sharedFolder: string;
  /** Ends the wait for leadership. */
  readonly signal: AbortSignal;
  /** `127.0.0.1:PORT` or `unix:/PATH`. */
  readonly listen: string;
  /** Where others who share the database reach this one; empty: where it listens. */
  readonly advertise: string;
  readonly httpListen: string;
  /** Folder of policy files; empty: those that come with the program. */
  readonly policyFolder: string;
  readonly ownPolicyFolder: string;
  /** File of the page that checks receipts in a browser. */
  readonly verifyPage: string;
  /** Folder of price books; empty: nothing has a price. */
  readonly priceFolder: string;
  /** Absent: only who attaches by itself is there. */
  readonly burst?: BurstOptions | undefined;
  /** Absent: nobody cosigns the log. */
  readonly witnesses?: Pick<WitnessedBy, "policy" | "policyText"> | undefined;
  /** The log's name; empty: the one it has, or one made from its key. */
  readonly origin: string;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly leaseMarginMs: number;
  readonly audits: AuditRules;
  readonly clock: Clock;
  readonly random: Random;
  /** For the log's tree and those of receipts; absent: one by one, in JavaScript. */
  readonly hashMany?: HashMany | undefined;
  readonly observe: (event: DaemonEvent) => void;
}

export interface BurstOptions {
  readonly config: BurstConfig;
  /** How often it is looked whether pilots are wanted or no longer are. */
  readonly stepMs: number;
  /** `quipud` of this installation, and how it is run. */
  readonly agent: readonly string[];
}

export type DaemonEvent =
  | CoordinatorEvent
  /** Another coordinator leads, at this address; this one passes calls on to it. */
  | { readonly kind: "standby"; readonly leader: string }
  /** This one leads. */
  | { readonly kind: "leading" }
  /** Another coordinator has taken over: this process must end. */
  | { readonly kind: "deposed"; readonly error: QuipuError }
  /** It cannot follow a leader: this process must end. */
  | { readonly kind: "unable"; readonly error: QuipuError }
  | { readonly kind: "fault"; readonly id: string; readonly what: string; readonly error: unknown };

export class CoordinatorDaemon {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Answers calls when this resolves: itself, or by whoever leads. A part that cannot be opened closes
   * those before it.
   */
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
    const { replica, grpc, http, store } = this.#parts;
    replica.stop();
    await Promise.all([grpc.close(), http.close()]);
    await replica.close();
    await store.close();
  }
}

interface Parts {
  readonly store: CoordinatorStore;
  readonly http: HttpServer;
  readonly grpc: RpcServer;
  readonly replica: Replica;
}

async function openParts(options: DaemonOptions, opened: (() => Promise<void>)[]): Promise<Parts> {
  const { stateFolder, sharedFolder, clock, observe } = options;
  const policyFiles = await readPolicyFolder(options.policyFolder || options.ownPolicyFolder);
  loadPolicy(policyFiles); // faults are told now, not when this coordinator has to take over
  const prices = await readPriceBooks(options.priceFolder);
  const shared = await openShared(sharedFolder || stateFolder, sharedFolder !== "");
  const storage = await openStorage(stateFolder, options.store);
  opened.push(() => storage.store.close());
  const origin = originOf(options.origin, await storage.logFiles.committed(), shared.logSigner);
  const board = new Switchboard(servedServices, "this coordinator is starting");
  let replica: Replica | undefined;
  const http = await serveCoordinator({
    listen: options.httpListen,
    clock,
    store: shared.artifacts,
    grantKey: shared.grantSigner.publicKey,
    readLog: logReader(storage),
    verifyPage: options.verifyPage,
    sizeBytesMax: artifactLimits.blobBytesMax,
    serves: () => board.silence === undefined,
    coordinator: () => replica?.coordinator,
    notReady: () => whyNotReady(board, storage.store, replica?.coordinator),
    onFault: ({ id, error }) => observe({ kind: "fault", id, what: "HTTP", error }),
  });
  opened.push(() => http.close());
  const grpc = await serve({
    listen: options.listen,
    services: board.bindings,
    onFault: ({ id, method, error }) => observe({ kind: "fault", id, what: method, error }),
  });
  opened.push(() => grpc.close());
  const { address: bound } = grpc;
  const parts = { shared, storage, origin, board, policyFiles, prices, httpUrl: http.url };
  replica = new Replica({ ...options, advertise: options.advertise || bound }, parts);
  opened.push(() => replica.close());
  await replica.answering;
  return { store: storage.store, http, grpc, replica };
}

/** With witnesses, readers see the log as those have seen it. */
function logReader({ logFiles }: Storage): LogFiles {
  const read = (path: string) => logFiles.read(path);
  return (path) => (path === "checkpoint" ? shownCheckpoint(read) : read(path));
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
