/**
 * Which keys speak for hosts. A key is registered in the log when a host first attaches with it, and may be
 * revoked: from that entry of the log on it counts for nothing, whoever has it.
 */
import { type Digest, digestOf, equalBytes } from "../../base/bytes.js";
import { canonicalJson } from "../../base/canonical-json.js";
import { dayMs, timestamp } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { HostRecord } from "../../io/store/records.js";
import { receiptKeyId } from "../../proof/receipt/envelope.js";
import { type Core, notFound } from "../core.js";
import { loseRun, preempted } from "../job/run-end.js";

/** Each new key of a host is an entry of the log for ever: an agent that forgets its own must not fill it. */
const newKeysPerDayMax = 8;
const newKeysMax = 256;

/**
 * That this key speaks for the host from now on, and none that it had before. A free pilot's name has none,
 * and one pilot has one key, by its token. Throws LIMIT_EXCEEDED for a host that comes with ever new ones.
 */
export async function registerKey(
  core: Core,
  tables: StoreTables,
  before: HostRecord | undefined,
  host: HostRecord,
): Promise<HostRecord> {
  const { name, place, receiptKey, offer } = host;
  const known = before?.receiptKey ?? new Uint8Array();
  const { newKeys = [] } = before ?? {};
  if (equalBytes(known, receiptKey)) return newKeys.length === 0 ? host : { ...host, newKeys };
  const atMs = core.ports.clock.wallMs();
  if (offer === undefined) demandRare(name, newKeys, atMs);
  const keyId = receiptKeyId(receiptKey);
  const replaced: { replaces?: string } =
    known.length === 0 ? {} : { replaces: receiptKeyId(known) };
  const details = { host: name, keyId, place: canonicalJson(place), ...replaced };
  const digest = digestOf(receiptKey);
  await core.notices.did(tables, { kind: "key.register", about: `host ${name}`, digest, details });
  if (offer !== undefined) return host;
  return { ...host, newKeys: [...withReplaced(newKeys, replaced.replaces), { keyId, atMs }] };
}

type NewKeys = NonNullable<HostRecord["newKeys"]>;

/** A version before kept no list, so that the key which it knew is in none. */
function withReplaced(newKeys: NewKeys, keyId: string | undefined): NewKeys {
  const isListed = keyId === undefined || newKeys.some((one) => one.keyId === keyId);
  return isListed ? newKeys : [{ keyId, atMs: 0 }, ...newKeys];
}

function demandRare(name: string, newKeys: NewKeys, atMs: number): void {
  if (newKeys.length >= newKeysMax) {
    throw new QuipuError("LIMIT_EXCEEDED", `host ${name} has had ${newKeysMax} receipt keys`, {
      next: "give the host another name, and keep its agent's state folder",
    });
  }
  const eighth = newKeys.at(-newKeysPerDayMax);
  if (eighth === undefined || eighth.atMs + dayMs <= atMs) return;
  const text = `host ${name} has come with ${newKeysPerDayMax} new receipt keys within a day`;
  throw new QuipuError("LIMIT_EXCEEDED", text, {
    next: `keep its agent's state folder; a new key is taken from ${timestamp(eighth.atMs + dayMs)} on`,
  });
}

/**
 * Throws PERMISSION_DENIED for a key that was revoked, whichever host shows it, and for the coordinator's own: to
 * revoke that as a host's would void what the coordinator states. To be run in a transaction.
 */
export async function refuseKey(
  { ports: { noticeSigner } }: Core,
  { notices }: StoreTables,
  { name, receiptKey }: HostRecord,
): Promise<void> {
  if (equalBytes(receiptKey, noticeSigner.publicKey)) {
    throw new QuipuError("PERMISSION_DENIED", `host ${name} shows the coordinator's own key`, {
      next: "give the agent a state folder of its own, where it makes a key",
    });
  }
  const keyId = receiptKeyId(receiptKey);
  if ((await notices.get(revocationId(keyId))) === undefined) return;
  throw new QuipuError("PERMISSION_DENIED", `the key ${keyId} that host ${name} has was revoked`, {
    next: "stop the agent, remove keys/receipt.key.pem in its state folder, start it again",
  });
}

/**
 * Whether what the key signed comes too late to count. A receipt that is staged before the revocation goes into
 * the log before it (`notices.ts`), and none is staged after it. Throws UNAVAILABLE while it is being written.
 */
export async function isRevoked(
  { revokedKeys }: Core,
  { notices }: StoreTables,
  receiptKey: Uint8Array,
): Promise<boolean> {
  const keyId = receiptKeyId(receiptKey);
  if (!revokedKeys.has(keyId)) return false;
  if ((await notices.get(revocationId(keyId))) !== undefined) return true;
  throw new QuipuError("UNAVAILABLE", `that the key ${keyId} is revoked is being written`);
}

export interface Revocation {
  readonly reason: string;
  /** Any key that was ever the host's; absent: its present one. */
  readonly keyId?: string | undefined;
}

/**
 * The key counts no longer: whatever agent has it is sent away until it has another, and what ran there runs
 * elsewhere. Receipts that were accepted before stay good.
 */
export async function revokeKey(
  core: Core,
  name: string,
  { reason, keyId: named }: Revocation,
): Promise<HostRecord> {
  const keyId = named || presentKey(core, name);
  const wasKnown = core.revokedKeys.has(keyId);
  core.revokedKeys.add(keyId); // before it is written: what is staged from here on sees it
  let revokedKeys: readonly string[];
  try {
    revokedKeys = await core.ports.store.transact((tables) =>
      revoke(core, tables, name, { keyId, reason }),
    );
  } catch (thrown) {
    if (!wasKnown) core.revokedKeys.delete(keyId);
    throw thrown;
  }
  core.revokedKeys.add(keyId); // again: another that failed meanwhile may have taken it out
  for (const one of [...core.hosts.values()]) {
    if (isKey(one.receiptKey, keyId)) core.sessions.get(one.name)?.close();
  }
  await loseRevoked(core);
  const host = { ...hostOf(core, name), revokedKeys };
  core.hosts.set(name, host);
  return host;
}

/** In the transaction: the ids of all keys of this host that are revoked now. */
async function revoke(
  core: Core,
  tables: StoreTables,
  name: string,
  { keyId, reason }: { readonly keyId: string; readonly reason: string },
): Promise<readonly string[]> {
  const known = await tables.hosts.get(name);
  if (known === undefined) throw notFound("host", name, "see `quipu host ls`");
  if (!(await hasHad(tables, known, keyId))) {
    const next = `see \`quipu log acts --kind key.register --about "host ${name}"\``;
    throw notFound(`key of host ${name} with the id`, keyId, next);
  }
  const { revokedKeys = [] } = known;
  if (revokedKeys.includes(keyId)) return revokedKeys;
  const all = [...revokedKeys, keyId];
  await tables.hosts.put({ ...known, revokedKeys: all });
  const id = revocationId(keyId);
  if ((await tables.notices.get(id)) !== undefined) return all; // of another host that showed it
  const details = { host: name, keyId, reason };
  const done = {
    kind: "key.revoke",
    about: `host ${name}`,
    digest: `sha256:${keyId}` as Digest,
  } as const;
  await core.notices.did(tables, { ...done, id, details });
  return all;
}

async function hasHad(
  { pilots }: StoreTables,
  { name, receiptKey, revokedKeys, newKeys = [], offer }: HostRecord,
  keyId: string,
): Promise<boolean> {
  if (isKey(receiptKey, keyId) || revokedKeys?.includes(keyId)) return true;
  if (offer === undefined) return newKeys.some((one) => one.keyId === keyId);
  const ended = await pilots.endedSince(0);
  return ended.some((pilot) => pilot.host === name && isKey(pilot.receiptKey, keyId));
}

/** A host that has never attached has none, and neither has a name that no pilot bears. */
export function isKey(receiptKey: Uint8Array | undefined, keyId: string): boolean {
  return receiptKey !== undefined && receiptKey.length > 0 && receiptKeyId(receiptKey) === keyId;
}

/** Runs that were granted to a key which counts no longer. */
export async function loseRevoked(core: Core): Promise<void> {
  for (const active of [...core.runs.all()]) {
    const keyId = receiptKeyId(active.run.receiptKey);
    if (!core.revokedKeys.has(keyId)) continue;
    await loseRun(core, active, preempted(`the key of host ${active.run.host} was revoked`));
  }
}

/** Throws CONFLICT where another host has it too: what a host shows as its own need not be. */
function presentKey(core: Core, name: string): string {
  const { receiptKey } = hostOf(core, name);
  if (receiptKey.length === 0) throw notFound("key of host", name, "see `quipu host ls`");
  const keyId = receiptKeyId(receiptKey);
  const others = [...core.hosts.values()].filter((one) => {
    return one.name !== name && equalBytes(one.receiptKey, receiptKey);
  });
  if (others.length === 0 || core.revokedKeys.has(keyId)) return keyId;
  const names = others.slice(0, 4).map((one) => one.name);
  throw new QuipuError("CONFLICT", `host ${name} shows the key that ${names.join(", ")} has too`, {
    next: `to revoke it for all of them: \`quipu host revoke-key ${name} --key ${keyId}\``,
  });
}

function hostOf({ hosts }: Core, name: string): HostRecord {
  const known = hosts.get(name);
  if (known !== undefined) return known;
  throw notFound("host", name, "see `quipu host ls`");
}

/** Of the notice that revokes a key: there is one at most. */
export function revocationId(keyId: string): string {
  return `act-${keyId.slice(0, 32)}`;
}
