/** What limits a job for now, from what is known of it and of others. */
import { equalBytes } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { JobRecord } from "../../io/store/records.js";
import type { Bounds, ExportRefusal } from "../../model/decision.js";
import type { AskedJob } from "../../model/job.js";
import { wantedKinds } from "../../model/job.js";
import type { Place } from "../../model/place.js";
import { compare } from "../../scheduler/placement/fleet.js";
import type { Shares } from "../../scheduler/queue/shares.js";
import type { Core } from "../core.js";
import { pullsOf } from "../host/pulls.js";
import { askedOf } from "../job/specs.js";
import { outputVerdict } from "./grants.js";

/** `makers` where they have been looked up. */
export async function boundsOf(
  core: Core,
  job: JobRecord,
  shares: Shares,
  makers?: readonly JobRecord[],
): Promise<Bounds> {
  const asked = askedOf(job);
  const failedHosts = job.failedHosts?.map(({ host }) => host).sort(compare);
  const firsts = makers ?? (await makersOf(core, job));
  return {
    ...quotaBounds(shares, { owner: job.owner, resources: asked.resources }),
    ...(await inputBounds(core, asked, firsts)),
    ...(failedHosts === undefined ? {} : { failedHosts }),
  };
}

/** What a job takes in, and what that means which `makers` made. */
export async function inputBounds(
  core: Core,
  asked: AskedJob,
  makers: readonly JobRecord[],
): Promise<Bounds> {
  const exports = await exportRefusals(core, makers);
  const away = makers.find(({ host }) => !core.sessions.has(host));
  return {
    ...(await pullsOf(core, asked, makers)),
    ...(exports.length === 0 ? {} : { exports }),
    ...(away === undefined ? {} : { absent: absentText(away) }),
  };
}

function absentText({ id, name, host }: JobRecord): string {
  return `The output of job ${id} (${name}) lies on ${host}, whose agent is not attached.`;
}

/** The jobs whose outputs it takes, as far as those are made. */
export async function makersOf(
  core: Core,
  { id, driver }: JobRecord,
): Promise<readonly JobRecord[]> {
  if (driver !== "tensor") return [];
  const { jobs, jobLinks } = core.ports.store;
  const makers: JobRecord[] = [];
  for (const { afterId, output } of await jobLinks.needs(id)) {
    const first = output === "" ? undefined : await jobs.get(afterId);
    if (first?.state === "succeeded") makers.push(first);
  }
  return makers;
}

/** An output that nobody has any more: a pilot's, which has gone with it. */
export async function lostOutput(
  core: Core,
  makers: readonly JobRecord[],
): Promise<QuipuError | undefined> {
  for (const { id, name, host, runId } of makers) {
    const now = core.hosts.get(host);
    if (now !== undefined && now.offer === undefined) continue; // a host of the fleet may come back
    const run = await core.ports.store.runs.get(runId);
    if (now && run && equalBytes(now.receiptKey, run.receiptKey)) continue;
    const text = `the output of job ${id} (${name}) has gone with the pilot ${host}`;
    return new QuipuError("DEPENDENCY_FAILED", text, {
      next: `make it again with \`quipu job retry ${id}\`, and come after that one`,
    });
  }
  return undefined;
}

/** Kinds of device of which the owner may not have as many more as the job asks for. */
export function quotaBounds(
  shares: Shares,
  { owner, resources }: Pick<AskedJob, "owner" | "resources">,
): Pick<Bounds, "kinds"> {
  const kinds = wantedKinds(resources).filter(
    (kind) => shares.claim(owner, kind, resources.devices) === "none",
  );
  if (kinds.length === 0) return {};
  return {
    kinds: kinds.map((kind) => {
      const used = `${owner} uses ${shares.used(owner, kind)} ${kind} devices`;
      return { kind, text: `${used}, and its quota is ${shares.limit(owner, kind)}.` };
    }),
  };
}

/** Of all places of the fleet those where the outputs that the job takes may not go. */
async function exportRefusals(
  core: Core,
  makers: readonly JobRecord[],
): Promise<readonly ExportRefusal[]> {
  const refusals: ExportRefusal[] = [];
  for (const maker of makers) {
    for (const { country, operator } of placesOf(core)) {
      const verdict = await outputVerdict(core, maker, { country, operator });
      if (verdict.allowed) continue;
      const { rule, text, law } = verdict;
      const where = { country, ...(operator === undefined ? {} : { operator }) };
      refusals.push({ ...where, rule, text, ...(law === undefined ? {} : { law }) });
    }
  }
  return refusals;
}

/** In one order, as a record needs it. */
function placesOf({ hosts }: Core): readonly Pick<Place, "country" | "operator">[] {
  const places = new Map([...hosts.values()].map(({ place }) => [keyOf(place), place]));
  return [...places].sort(([a], [b]) => compare(a, b)).map(([, place]) => place);
}

function keyOf({ country, operator = "" }: Place): string {
  return `${country} ${operator}`;
}
