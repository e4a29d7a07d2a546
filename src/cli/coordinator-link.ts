/** Finds the coordinator (flag, environment, or the one that `quipu up` started) and dials it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { QuipuError } from "../base/errors.js";
import { AuditService } from "../gen/quipu/v1/audit_pb.js";
import { BurstService } from "../gen/quipu/v1/burst_pb.js";
import { ArtifactService, DataSetService, HostService } from "../gen/quipu/v1/fleet_pb.js";
import { JobService } from "../gen/quipu/v1/jobs_pb.js";
import { LogService } from "../gen/quipu/v1/log_pb.js";
import { PolicyService } from "../gen/quipu/v1/policy_pb.js";
import { QuotaService } from "../gen/quipu/v1/quota_pb.js";
import { clientOfAny, Ring } from "../io/rpc/ring.js";
import type { Client } from "../io/rpc/service.js";

export interface Clients {
  readonly address: string;
  readonly jobs: Client<typeof JobService>;
  readonly hosts: Client<typeof HostService>;
  readonly dataSets: Client<typeof DataSetService>;
  readonly artifacts: Client<typeof ArtifactService>;
  readonly log: Client<typeof LogService>;
  readonly policies: Client<typeof PolicyService>;
  readonly burst: Client<typeof BurstService>;
  readonly quotas: Client<typeof QuotaService>;
  readonly audits: Client<typeof AuditService>;
  close(): void;
}

/** What a daemon writes into its state folder when it is ready. */
export interface Endpoints {
  readonly pid: number;
  readonly grpc?: string;
  readonly http: string;
}

export async function readEndpoints(stateFolder: string): Promise<Endpoints | undefined> {
  try {
    return JSON.parse(await readFile(join(stateFolder, "endpoints.json"), "utf8")) as Endpoints;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function findCoordinator(explicit: string | undefined, home: string): Promise<string> {
  if (explicit !== undefined && explicit !== "") return explicit;
  const endpoints = await readEndpoints(join(home, "coordinator"));
  if (endpoints?.grpc !== undefined) return endpoints.grpc;
  throw new QuipuError("UNAVAILABLE", "no coordinator is known to this user", {
    next: "start one on this machine with `quipu up --country CC`, or name one with --coordinator ADDRESS",
  });
}

/** `address`: of a coordinator, or of several that share one store, with commas. */
export function dial(address: string): Clients {
  const ring = new Ring(address.split(","));
  return {
    address,
    jobs: clientOfAny(ring, JobService),
    hosts: clientOfAny(ring, HostService),
    dataSets: clientOfAny(ring, DataSetService),
    artifacts: clientOfAny(ring, ArtifactService),
    log: clientOfAny(ring, LogService),
    policies: clientOfAny(ring, PolicyService),
    burst: clientOfAny(ring, BurstService),
    quotas: clientOfAny(ring, QuotaService),
    audits: clientOfAny(ring, AuditService),
    close: () => ring.close(),
  };
}
