/**
 * What a coordinator needs from the world. The step functions of this room touch nothing else: they
 * start no timer and open no file or socket, so a simulator runs whole fleets in one thread.
 */
import type { Digest } from "../base/bytes.js";
import type { Clock } from "../base/clock.js";
import type { QuipuError } from "../base/errors.js";
import type { Random } from "../base/random.js";
import type { Signer } from "../base/signature.js";
import type { AttachResponse } from "../gen/quipu/v1/attach_pb.js";
import type { Provider } from "../io/burst/provider.js";
import type { CoordinatorStore } from "../io/store/coordinator-store.js";
import type { Artifact } from "../model/artifact.js";
import type { AuditRules } from "../model/audit.js";
import type { BurstConfig } from "../model/burst.js";
import type { PriceBook } from "../model/price-book.js";
import type { HashMany } from "../proof/tlog/hash.js";
import type { LogInclusion, Sequencer } from "../proof/tlog/sequencer.js";
import type { Law } from "../scheduler/placement/ask.js";
import type { PolicyEngine } from "../scheduler/policy/engine.js";

export interface CoordinatorPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: CoordinatorStore;
  /** Whether this coordinator may still speak for its fleet; absent where it has the store alone. */
  readonly leads?: () => boolean;
  readonly log: ReceiptLog;
  /** For the trees over receipts' fields; absent: one by one, in JavaScript. */
  readonly hashMany?: HashMany | undefined;
  readonly policy: PolicyPort;
  /** What devices cost, now and at other times. */
  readonly prices: readonly PriceBook[];
  readonly artifacts: ArtifactShelf;
  readonly grants: GrantDesk;
  /** ECDSA P-256: signs what the coordinator itself states. */
  readonly noticeSigner: Signer;
  /** Capacity that can be had from others; absent: only who attaches by itself is there. */
  readonly burst?: BurstPort | undefined;
  /** Runs `task` soon, but never inside the caller. */
  readonly defer: (task: () => void) => void;
  /** Told what happened, for people; must not throw. */
  readonly observe: (event: CoordinatorEvent) => void;
}

/** The rules in force; they may become others at any time. */
export type PolicyPort = Law & Pick<PolicyEngine, "exportTo">;

/** The transparency log as ingest and receipts use it. */
export interface ReceiptLog
  extends Pick<Sequencer, "append" | "head" | "leafHashes" | "verifierKey"> {
  inclusion(index: number): Promise<LogInclusion>;
  /** Who must have cosigned it, as a file (C2SP tlog-policy); absent: nobody. */
  readonly policyText?: string;
}

/** The coordinator's own store of blobs: what jobs take in. */
export interface ArtifactShelf {
  /** Undefined where it is not here. */
  sizeOf(digest: Digest): Promise<number | undefined>;
  list(): Promise<readonly Artifact[]>;
}

/** What signing a right to move one blob takes. */
export interface GrantDesk {
  /** ECDSA P-256; agents get its public key with their welcome. */
  readonly signer: Signer;
  /** Base address of the coordinator's own store. */
  readonly artifactUrl: string;
}

export interface BurstPort {
  readonly config: BurstConfig;
  /** Of each offer, by its name. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** What pilots dial. */
  readonly coordinator: string;
  /** How often it is looked whether pilots are wanted or no longer are. */
  readonly stepMs: number;
}

/** One stream to an agent. Nothing here waits: a message is queued, or lost with its stream. */
export interface AgentLink {
  send(message: AttachResponse): void;
  close(): void;
}

export type CoordinatorEvent =
  | { readonly kind: "attached"; readonly host: string }
  | { readonly kind: "detached"; readonly host: string }
  | { readonly kind: "job"; readonly jobId: string; readonly text: string }
  | { readonly kind: "pilot"; readonly id: string; readonly host: string; readonly text: string }
  /** Most of a site vanished at once: its runs are not placed anew, or may be again. */
  | { readonly kind: "brake"; readonly site: string; readonly on: boolean }
  /** Something failed and will be tried again; `what` names it. */
  | { readonly kind: "trouble"; readonly what: string; readonly error: QuipuError };

/** Times and names that do not change while a coordinator lives. */
export interface CoordinatorOptions {
  readonly version: string;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** Added before a run is given to another host; see `docs/protocol.md`. */
  readonly leaseMarginMs: number;
  readonly audits: AuditRules;
  /** Base address of the log's checkpoint and tiles. */
  readonly tilesUrl: string;
}
