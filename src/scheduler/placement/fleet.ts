/**
 * Every registered host at one moment, in an order that depends on nothing but names, and the digest
 * that a decision names it by. Made once for all the jobs that are decided from it.
 *
 * Frozen: the bytes that the digest is taken over, since a decision is checked by deciding it again.
 */
import { type Digest, digestOf } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { HostView } from "../../model/host.js";

export interface Fleet {
  readonly hosts: readonly HostView[];
  readonly digest: Digest;
}

/** Hosts attached or not, each name once. */
export function fleetOf(views: readonly HostView[]): Fleet {
  const hosts = [...views].sort((a, b) => compare(a.name, b.name));
  const twice = hosts.find((host, index) => host.name === hosts[index + 1]?.name);
  if (twice !== undefined) {
    throw new QuipuError("CONFLICT", `two hosts of the snapshot are named ${twice.name}`);
  }
  return { hosts, digest: fleetDigest(hosts) };
}

/** By UTF-16 code units: the same on every host, unlike a locale's order. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fleetDigest(hosts: readonly HostView[]): Digest {
  const rows = hosts.map(({ name, place, devices, dataSets, attached, busyDevices }) => ({
    name,
    place,
    devices: [...devices].sort((a, b) => compare(a.id, b.id)),
    dataSets: [...dataSets].sort(),
    attached,
    busyDevices: [...busyDevices].sort(),
  }));
  return digestOf(canonicalBytes({ version: "quipu.dev/fleet/v1", hosts: rows }));
}
