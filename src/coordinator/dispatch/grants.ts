/**
 * Rights to fetch or bring one blob. Each download is an export: the country that the bytes go to
 * is checked against policy before the right is signed, whoever serves the blob.
 */
import { type Digest, parseDigest } from "../../base/bytes.js";
import { timestamp } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import { type Grant, signGrant } from "../../io/identity/grant.js";
import type { JobRecord } from "../../io/store/records.js";
import type { Artifact } from "../../model/artifact.js";
import type { Place } from "../../model/place.js";
import type { ExportRequest } from "../../scheduler/policy/engine.js";
import type { Verdict } from "../../scheduler/policy/verdict.js";
import { type Core, notFound } from "../core.js";
import { specOf } from "../job/specs.js";
import { countsFor, leavingOf } from "./data-uses.js";

export interface SignedGrant {
  readonly url: string;
  readonly token: string;
}

/** Who serves the coordinator's own store, as grants name it; no host may have this name. */
export const ownName = "coordinator";

/** Long enough to move a large blob over a slow line; short enough that policy changes bite. */
const grantLifeMs = 3_600_000;

/** A right to fetch a blob from the coordinator's store: an input of a run, or an owner's own. */
export function grantInput(
  core: Core,
  digest: Digest,
  country: string,
  recipient?: string,
): SignedGrant {
  const request = { destinationCountry: country, recipient, what: "artifact" } as const;
  checkExport(core, request, `artifact ${digest}`);
  return sign(core, core.ports.grants.artifactUrl, {
    action: "get",
    digest,
    country,
    host: ownName,
  });
}

/** An owner's right to bring a blob into the coordinator's store, or to fetch one from it. */
export async function grantArtifact(
  core: Core,
  request: {
    readonly action: "get" | "put";
    readonly digest: string;
    readonly sizeBytes: number;
    readonly destinationCountry: string;
    readonly recipient?: string | undefined;
  },
): Promise<SignedGrant> {
  const digest = parseDigest(request.digest);
  const { grants, artifacts } = core.ports;
  if (request.action === "get") {
    if ((await artifacts.sizeOf(digest)) === undefined) {
      throw notFound("artifact", digest, "see `quipu artifact ls`");
    }
    return grantInput(core, digest, request.destinationCountry, request.recipient);
  }
  const { sizeBytes } = request;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new QuipuError("INVALID_ARGUMENT", `${sizeBytes} is not a size in bytes`);
  }
  const grant = { action: "put", digest, country: "", host: ownName, sizeBytes } as const;
  return sign(core, grants.artifactUrl, grant);
}

/** Rights to fetch the outputs of a succeeded job from the host that holds them. All or none. */
export async function grantOutputs(
  core: Core,
  job: JobRecord,
  destinationCountry: string,
  recipient?: string,
): Promise<readonly (SignedGrant & { readonly artifact: Artifact })[]> {
  const outputs = job.result?.outputs ?? [];
  if (job.state !== "succeeded") {
    throw new QuipuError("CONFLICT", `job ${job.id} is ${job.state}; it has no outputs`, {
      next: `wait for it with \`quipu job wait ${job.id}\``,
    });
  }
  await checkOutputs(core, job, destinationCountry, recipient);
  const base = core.hosts.get(job.host)?.httpUrl ?? "";
  if (base === "") {
    throw new QuipuError("UNAVAILABLE", `host ${job.host} serves no artifacts now`, {
      next: `start the agent of ${job.host} again`,
    });
  }
  const grant = { action: "get", country: destinationCountry, host: job.host } as const;
  return outputs.map((artifact) => ({
    artifact,
    ...sign(core, base, { ...grant, digest: artifact.digest, jobId: job.id }),
  }));
}

/** What of another job's outputs a run on this place takes in; checked as any download of it. */
export async function grantNeeded(
  core: Core,
  { id }: JobRecord,
  digest: Digest,
  { country, operator }: Place,
): Promise<SignedGrant> {
  const { jobs, jobLinks } = core.ports.store;
  for (const { afterId, output } of await jobLinks.needs(id)) {
    const first = output === "" ? undefined : await jobs.get(afterId);
    if (first?.result?.outputs.some((one) => one.digest === digest) !== true) continue;
    const rights = await grantOutputs(core, first, country, operator);
    const right = rights.find(({ artifact }) => artifact.digest === digest);
    if (right !== undefined) return { url: right.url, token: right.token };
  }
  return grantInput(core, digest, country, operator);
}

/** Whether the outputs of a job may go there; asking counts nothing. */
export async function outputVerdict(
  core: Core,
  job: JobRecord,
  { country, operator }: Pick<Place, "country" | "operator">,
): Promise<Verdict> {
  const { store, clock, policy } = core.ports;
  const request = await outputRequest(core, job, country, operator);
  const leaving = leavingOf(job.runId, request.dataSet, country, clock.wallMs());
  const counts =
    leaving && (await countsFor(store, request.dataSet, leaving.owner, clock.wallMs()));
  return policy.exportTo({ ...request, counts, at: timestamp(clock.wallMs()) });
}

async function outputRequest(
  { ports: { store } }: Core,
  job: JobRecord,
  destinationCountry: string,
  recipient: string | undefined,
) {
  const spec = specOf(job);
  const known = spec.dataSet === undefined ? undefined : await store.dataSets.get(spec.dataSet);
  return {
    ...{ job: spec, dataSet: known?.facts, destinationCountry, recipient },
    ...{ fromCountry: job.country, what: "output" as const },
  };
}

/** People whose data leaves so are counted in the transaction that finds it lawful. */
async function checkOutputs(
  core: Core,
  job: JobRecord,
  destinationCountry: string,
  recipient: string | undefined,
): Promise<void> {
  const { store, clock } = core.ports;
  const request = await outputRequest(core, job, destinationCountry, recipient);
  const { dataSet } = request;
  const leaving = leavingOf(job.runId, dataSet, destinationCountry, clock.wallMs());
  const what = `the outputs of job ${job.id}`;
  if (leaving === undefined) return checkExport(core, request, what);
  await store.transact(async (tables) => {
    const counts = await countsFor(tables, dataSet, leaving.owner, clock.wallMs());
    checkExport(core, { ...request, counts }, what);
    await tables.dataUses.insert(leaving);
  });
}

function checkExport(core: Core, request: Omit<ExportRequest, "at">, what: string): void {
  const { policy, clock } = core.ports;
  const verdict = policy.exportTo({ ...request, at: timestamp(clock.wallMs()) });
  if (verdict.allowed) return;
  const { rule, text, law } = verdict;
  const country = request.destinationCountry;
  throw new QuipuError("REFUSED_BY_POLICY", `${what} may not go to ${country}: ${text}`, {
    next: `rule ${rule} refuses it; ask for another country, or change the policy`,
    details: { rule, country, ...(law === undefined ? {} : { law }) },
  });
}

function sign(core: Core, base: string, grant: Omit<Grant, "expiresAtMs">): SignedGrant {
  const { clock, grants } = core.ports;
  const expiresAtMs = clock.wallMs() + grantLifeMs;
  const url = `${base.replace(/\/$/, "")}/v1/artifacts/${grant.digest}`;
  return { url, token: signGrant(grants.signer, { ...grant, expiresAtMs }) };
}
