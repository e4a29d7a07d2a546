/** What a host would have to fetch for a job, and which hosts are apart because they need not. */
import { weighsLocality } from "../../model/decision.js";
import type { HostView } from "../../model/host.js";
import { type Fetch, fetchTo } from "../../model/locality.js";
import type { Wish } from "./devices.js";

/** Undefined where nothing is brought, or the record is older than this part of the score. */
export function fetchOf({ bounds, version }: Wish, host: HostView): Fetch | undefined {
  if (bounds.pulls === undefined || !weighsLocality(version)) return undefined;
  return fetchTo(host, bounds.pulls);
}

/** Hosts that hold an input, each once: they are not as good as those that are like them else. */
export function holdersOf({
  bounds: { pulls = [] },
  version,
}: Omit<Wish, "job" | "book">): ReadonlySet<string> {
  if (!weighsLocality(version)) return new Set();
  const names = pulls.flatMap(({ from, held = [] }) => [...held, ...(from ? [from.host] : [])]);
  return new Set(names);
}
