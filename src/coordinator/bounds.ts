/** What a job may not have for now, from what is known of it and of its owner. */
import type { JobRecord } from "../io/store/records.js";
import type { Bounds } from "../model/decision.js";
import { compare } from "../scheduler/placement/fleet.js";

export function boundsOf({ failedHosts }: JobRecord): Bounds {
  if (failedHosts === undefined) return {};
  return { failedHosts: failedHosts.map(({ host }) => host).sort(compare) };
}
