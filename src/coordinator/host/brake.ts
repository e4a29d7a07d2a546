/**
 * When most of a site falls silent at once, its network is the likelier cause than its hosts, and it
 * may be back in a moment. Its runs end with their leases at the latest, for no host works on without
 * one; but to start them all again elsewhere, at once, would drown what is left. So nothing of such a
 * site is placed anew until hosts come back or it has been away for long.
 */
import type { Place } from "../../model/place.js";
import type { Core } from "../core.js";

/** More than this share of a site's hosts. */
const shareMin = 0.55;
/** Fewer are an accident. */
const hostsMin = 3;
/** Hosts that are away for longer have not vanished at once with the others. */
export const brakeMs = 5 * 60_000;
/** So much of a lease without a word, and a host counts as gone: before any lease has ended. */
const silentShare = 0.5;

export function siteOf({ country, zone, site }: Place): string {
  return [country, zone, site].filter(Boolean).join(" ");
}

/** Sites whose runs are not given up now. */
export function brakedSites(core: Core): ReadonlySet<string> {
  const { hosts, sessions, away, ports, options } = core;
  const nowMs = ports.clock.bootMs();
  const silentMs = silentShare * options.leaseMs;
  const sites = new Map<string, { here: number; vanished: number }>();
  for (const { name, place } of hosts.values()) {
    const site = siteOf(place);
    const count = sites.get(site) ?? { here: 0, vanished: 0 };
    const session = sessions.get(name);
    const quietMs = nowMs - (session?.heardAtMs ?? away.get(name) ?? Number.NEGATIVE_INFINITY);
    if (session !== undefined && quietMs <= silentMs) count.here += 1;
    else if (session !== undefined || quietMs < brakeMs) count.vanished += 1;
    sites.set(site, count);
  }
  const braked = [...sites].filter(
    ([, { here, vanished }]) => vanished >= hostsMin && vanished > shareMin * (here + vanished),
  );
  return new Set(braked.map(([site]) => site));
}
