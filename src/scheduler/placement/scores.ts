/**
 * Among hosts that are lawful and fit: which first. Whole numbers, added up, each part shown in the
 * decision. Scores order the allowed hosts; nothing here can let a host in.
 */
import { type Device, freeSlots, type HostView } from "../../model/host.js";
import type { JobSpec } from "../../model/job.js";
import { type Fetch, fetchWeight } from "../../model/locality.js";
import { dearestOf, type PriceBook } from "../../model/price-book.js";
import { costOf, isPreferred, priceOfAll } from "./devices.js";

interface Candidate {
  readonly job: JobSpec;
  readonly host: HostView;
  /** Those that it would take. */
  readonly devices: readonly Device[];
  /** The one in force; absent: nothing has a price. */
  readonly book: PriceBook | undefined;
  /** What bringing its inputs costs; absent: nobody says so. */
  readonly egress: bigint | undefined;
  /** What it would have to fetch; absent: the same as every other host. */
  readonly fetch: Fetch | undefined;
}

interface Score {
  readonly part: string;
  /** `undefined` where the part does not apply. */
  of(candidate: Candidate): number | undefined;
}

/** What the dearest device of the book costs in points; more than an empty host is worth. */
const dearestPoints = 150;

/** How long a job runs is known where it has a budget; else bytes weigh as beside an hour of devices. */
const usualSeconds = 3_600;
/** With all other parts less than public capacity costs. */
const egressPointsMax = 400n;

/** Less is moved in no time. */
const megabyteBits = 20n;
const pointsPerDoubling = 5;
/** Less than the dearest device costs, and more than an empty host is worth. */
const localityPointsMax = 120;

const scores: readonly Score[] = Object.freeze([
  // Larger than all other parts together: public capacity is used only when no private host has room.
  { part: "burst", of: ({ host: { place } }) => (place.site === "public" ? -1000 : undefined) },
  {
    part: "device",
    of: ({ job, devices }) => (devices.every((one) => isPreferred(job, one)) ? 200 : 0),
  },
  { part: "price", of: pricePoints },
  { part: "egress", of: egressPoints },
  { part: "locality", of: localityPoints },
  { part: "idle", of: (candidate) => (packs(candidate) ? undefined : idleShare(candidate)) },
  {
    part: "packed",
    of: (candidate) => (packs(candidate) ? 100 - idleShare(candidate) : undefined),
  },
] satisfies Score[]);

export function scoreParts(candidate: Candidate): Record<string, number> {
  const parts: Record<string, number> = {};
  for (const { part, of } of scores) {
    const value = of(candidate);
    if (value !== undefined) parts[part] = value;
  }
  return parts;
}

/** What has no price may cost anything: it counts as the dearest. */
function pricePoints({ host, devices, book }: Candidate): number | undefined {
  if (book === undefined) return undefined;
  const price = priceOfAll(book, host, devices);
  if (price === undefined) return -dearestPoints;
  const share = price.nanosPerSecond / (dearestOf(book) * devices.length);
  return price.nanosPerSecond === 0 ? 0 : -Math.round(dearestPoints * share);
}

/** Money against money: as many points as devices cost that are worth so much while the job runs. */
function egressPoints({ job, book, egress }: Candidate): number | undefined {
  if (egress === undefined || book === undefined) return undefined;
  if (egress === 0n) return 0;
  const dearest = costOf(job, dearestOf(book), job.budget?.seconds ?? usualSeconds);
  if (dearest === 0n) return -Number(egressPointsMax);
  const points = (2n * BigInt(dearestPoints) * egress + dearest) / (2n * dearest); // to the nearest
  return 0 - Number(points < egressPointsMax ? points : egressPointsMax);
}

/** By doublings: a terabyte is not a thousand times as hard to move as a gigabyte, nor is it the same. */
function localityPoints({ fetch }: Candidate): number | undefined {
  if (fetch === undefined) return undefined;
  const weight = fetchWeight(fetch) >> megabyteBits;
  const doublings = weight === 0n ? 0 : weight.toString(2).length;
  return 0 - Math.min(localityPointsMax, pointsPerDoubling * doublings);
}

/** Share of a host's devices that is free, in hundredths. */
function idleShare({ host }: Candidate): number {
  const shares = host.devices.map((device) =>
    Math.floor((100 * freeSlots(host, device)) / device.slots),
  );
  return Math.floor(shares.reduce((sum, share) => sum + share, 0) / shares.length);
}

function packs({ job }: Candidate): boolean {
  return job.placement.prefer === "pack";
}
