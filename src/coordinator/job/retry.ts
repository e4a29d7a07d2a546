/**
 * What becomes of a job whose run did not end well, by the cause. What a host or its parts did to it
 * costs an attempt, and the next one goes elsewhere; what it had to leave costs none; what the law
 * refused is not asked again.
 */
import { type ErrorCode, type ErrorJson, QuipuError } from "../../base/errors.js";
import type { FailedHost, JobRecord } from "../../io/store/records.js";

/** `again`: anywhere. */
export type Retry = "elsewhere" | "free" | "never" | "again";

/** The host, or a process of it that the job was in, is gone. */
const deaths: readonly ErrorCode[] = ["LEASE_EXPIRED", "WORKER_DIED", "DEVICE_LOST"];
/** The host could not do what it is there for; another one may. */
const hostFaults: readonly ErrorCode[] = [
  ...deaths,
  "DEVICE_MEMORY",
  "BACKEND_UNAVAILABLE",
  "ADDON_MISSING",
  "VERIFICATION_FAILED",
  "DISK_FULL",
  "IO",
  "UNAVAILABLE",
];
const refusals: readonly ErrorCode[] = ["REFUSED_BY_POLICY", "PERMISSION_DENIED"];

/** Dead hosts after which a job, and not chance, counts as the cause. */
export const poisonedHostsMax = 3;

export function retryAfter(code: ErrorCode): Retry {
  if (code === "PREEMPTED") return "free";
  if (refusals.includes(code)) return "never";
  return hostFaults.includes(code) ? "elsewhere" : "again";
}

/** Each host once, with what happened there last. */
export function failedHostsAfter(
  { failedHosts = [], host }: Pick<JobRecord, "failedHosts" | "host">,
  code: ErrorCode,
): readonly FailedHost[] {
  if (retryAfter(code) !== "elsewhere") return failedHosts;
  return [...failedHosts.filter((one) => one.host !== host), { host, code }];
}

/** Why the job is parked; undefined while it may go on. */
export function poisonOf({ id, failedHosts = [] }: JobRecord): ErrorJson | undefined {
  const dead = failedHosts.filter(({ code }) => deaths.includes(code));
  if (dead.length < poisonedHostsMax) return undefined;
  const list = dead.map(({ host, code }) => `${host} (${code})`).join(", ");
  const message = `parked: ${dead.length} hosts died while they had it: ${list}`;
  const next = `see \`quipu job logs ${id}\`; \`quipu job retry ${id}\` runs it again`;
  return new QuipuError("POISONED", message, { next }).toJSON();
}
