/**
 * Hosts whose operator wants no new runs there, and runs that have to go elsewhere by a time. Durable
 * before anyone is told: a host stays cordoned over restarts of both sides.
 */
import { timestamp } from "../../base/clock.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { Cordon, HostRecord } from "../../io/store/records.js";
import { type Core, note, notFound } from "../core.js";
import { sendCancel } from "../dispatch/assign.js";
import type { Done } from "../log/notices.js";

const reasonLengthMax = 500;

/**
 * `drainMs`: after so long its runs are given up and placed elsewhere, which costs no attempt. `also` is
 * written in the same transaction.
 */
export async function cordonHost(
  core: Core,
  name: string,
  { reason, drainMs }: { readonly reason: string; readonly drainMs?: number | undefined },
  also?: (tables: StoreTables) => Promise<void>,
): Promise<HostRecord> {
  const atMs = core.ports.clock.wallMs();
  const cordon = {
    reason: reason.slice(0, reasonLengthMax).toWellFormed() || "no reason given",
    atMs,
    ...(drainMs === undefined ? {} : { drainAtMs: atMs + drainMs }),
  };
  return await setCordon(core, name, cordon, also);
}

export async function uncordonHost(core: Core, name: string): Promise<HostRecord> {
  return await setCordon(core, name, undefined);
}

async function setCordon(
  core: Core,
  name: string,
  cordon: Cordon | undefined,
  also?: (tables: StoreTables) => Promise<void>,
): Promise<HostRecord> {
  const isThere = await core.ports.store.transact(async (tables) => {
    await also?.(tables);
    return await markCordon(core, tables, name, cordon);
  });
  const host = isThere ? showCordon(core, name, cordon) : undefined;
  if (host === undefined) throw notFound("host", name, "see `quipu host ls`");
  return host;
}

/** With the transaction that has a reason for it; false for a host that is not there. */
export async function markCordon(
  { notices }: Pick<Core, "notices">,
  tables: StoreTables,
  name: string,
  cordon: Cordon | undefined,
): Promise<boolean> {
  const known = await tables.hosts.get(name);
  if (known === undefined) return false;
  await tables.hosts.put(withCordon(known, cordon));
  await notices.did(tables, doneTo(name, cordon));
  return true;
}

/** After the commit. What an agent said meanwhile stays; the mark is what was just written. */
export function showCordon(
  core: Core,
  name: string,
  cordon: Cordon | undefined,
): HostRecord | undefined {
  const known = core.hosts.get(name);
  if (known === undefined) return undefined;
  const host = withCordon(known, cordon);
  core.hosts.set(name, host);
  core.fleet.changed(name);
  core.wake();
  return host;
}

function doneTo(host: string, cordon: Cordon | undefined): Done {
  if (cordon === undefined)
    return { kind: "host.uncordon", about: `host ${host}`, details: { host } };
  const { reason, drainAtMs } = cordon;
  const until = drainAtMs === undefined ? {} : { drainAt: timestamp(drainAtMs) };
  return { kind: "host.cordon", about: `host ${host}`, details: { host, reason, ...until } };
}

/** What its operator has said of a host, and its agent cannot unsay. */
export function withMarks(said: HostRecord, known: HostRecord | undefined): HostRecord {
  const { cordon, revokedKeys } = known ?? {};
  return { ...withCordon(said, cordon), ...(revokedKeys === undefined ? {} : { revokedKeys }) };
}

export function withCordon({ cordon: _, ...host }: HostRecord, cordon?: Cordon): HostRecord {
  return cordon === undefined ? host : { ...host, cordon };
}

/**
 * Tells runs of hosts whose time has come to stop, and again with each heartbeat. They are given up
 * when their hosts say that they did, or when their leases end, for until then they may go on; a
 * restart tells them anew.
 */
export function drainDue(core: Core): void {
  const atMs = core.ports.clock.wallMs();
  for (const { name, cordon } of core.hosts.values()) {
    if (cordon?.drainAtMs === undefined || cordon.drainAtMs > atMs) continue;
    for (const active of core.runs.ofHost(name)) {
      if (active.leaves !== undefined || active.ending) continue;
      active.leaves = `host ${name} is drained: ${cordon.reason}`;
      sendCancel(core, active);
      note(core, active.run.jobId, active.leaves);
    }
  }
}
