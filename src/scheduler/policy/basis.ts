/**
 * What speaks for a use of data at one moment: instruments that bind its receiver, grants of its
 * owner, approvals of what it is given to. Whatever has expired, or names somebody else, is nothing.
 */
import type { JobSpec } from "../../model/job.js";
import type { Algorithm } from "../../model/policy-set.js";
import { type Instrument, persons, type Terms } from "../../model/terms.js";
import { timeMs } from "../../model/time.js";
import type { DataFacts, JobFacts } from "./request.js";

export interface BasisFacts {
  readonly leaves: readonly string[];
  readonly mechanisms: readonly string[];
  readonly personsThisYear: number | undefined;
}
export interface AlgorithmFacts {
  readonly digest: string;
  readonly registered: boolean;
  readonly needsApproval: boolean;
  readonly approved: boolean;
}

/** Who may come to hold the data: a host's operator, or the recipient of an export. */
export interface Receiver {
  readonly country: string;
  readonly name: string | undefined;
}

/** Mechanisms that are in force then and name this receiver; `from` is where the data lies now. */
export function readBasis(
  { origin, instruments }: Terms,
  { country, name }: Receiver,
  from: string | undefined,
  atMs: number,
  personsThisYear: number | undefined,
): BasisFacts {
  const covers = ({ countries, recipients, until }: Instrument): boolean =>
    countries.includes(country) &&
    holds(until, atMs) &&
    (recipients === undefined || (name !== undefined && recipients.includes(name)));
  const inForce = (instruments ?? []).filter(covers).map(({ mechanism }) => mechanism);
  const held = [origin, from].filter((place) => place !== undefined && place !== country);
  return {
    leaves: [...new Set(held as string[])].sort(),
    mechanisms: [...new Set(inForce)].sort(),
    personsThisYear: persons.safeParse(personsThisYear).data,
  };
}

/** Whether the data's owner, or a grant that is in force and not used up, lets this job use it. */
export function isGranted(
  data: DataFacts,
  { grants }: Terms,
  job: JobFacts,
  atMs: number,
  usesSoFar: number | undefined,
): boolean {
  if (!data.grantsOnly || job.owner === data.owner) return true;
  return (grants ?? []).some(
    ({ to, purposes, until, usesMax }) =>
      to === job.owner &&
      purposes.includes(job.purpose) &&
      holds(until, atMs) &&
      (usesMax === undefined || (usesSoFar !== undefined && usesSoFar < usesMax)),
  );
}

/** Undefined for a job that runs nothing but what every agent has. */
export function readAlgorithm(
  { task, purpose }: JobSpec,
  register: ReadonlyMap<string, Algorithm>,
  atMs: number,
): AlgorithmFacts | undefined {
  if (task.driver !== "tensor") return undefined;
  const known = register.get(task.model);
  const speaksOf = (purposes: "any" | readonly string[]): boolean =>
    purposes === "any" || purposes.includes(purpose);
  return {
    digest: task.model,
    registered: known !== undefined,
    needsApproval: known !== undefined && speaksOf(known.approvalFor),
    approved: (known?.approvals ?? []).some(
      ({ purposes, until }) => speaksOf(purposes) && holds(until, atMs),
    ),
  };
}

export function holds(until: string, atMs: number): boolean {
  return atMs < timeMs(until);
}
