/**
 * When most of a site vanishes at once, its network is the likelier cause than its hosts: the work
 * there goes on, and starting it all again elsewhere would drown what is left. Nothing of such a site
 * is placed anew until hosts come back or it has been away for long.
 */
import type { Place } from "../model/place.js";
import type { Core } from "./core.js";

/** More than this share of a site's hosts. */
const shareMin = 0.55;
/** Fewer are an accident. */
const hostsMin = 3;
/** Hosts that are away for longer have not vanished at once with the others. */
export const brakeMs = 10 * 60_000;

export function siteOf({ country, zone, site }: Place): string {
  return [country, zone, site].filter(Boolean).join(" ");
}

/** Sites whose runs are not given up now. */
export function brakedSites({ hosts, sessions, away, ports }: Core): ReadonlySet<string> {
  const nowMs = ports.clock.bootMs();
  const sites = new Map<string, { here: number; vanished: number }>();
  for (const { name, place } of hosts.values()) {
    const site = siteOf(place);
    const count = sites.get(site) ?? { here: 0, vanished: 0 };
    const since = away.get(name);
    if (sessions.has(name)) count.here += 1;
    else if (since !== undefined && nowMs - since < brakeMs) count.vanished += 1;
    sites.set(site, count);
  }
  const braked = [...sites].filter(
    ([, { here, vanished }]) => vanished >= hostsMin && vanished > shareMin * (here + vanished),
  );
  return new Set(braked.map(([site]) => site));
}
