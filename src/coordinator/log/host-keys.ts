/**
 * Which keys speak for hosts. A key is registered in the log when a host first attaches with it, and may be
 * revoked: from that entry of the log on it counts for nothing, whoever has it.
 */
import { digestOf, equalBytes } from "../../base/bytes.js";
import { canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { HostRecord } from "../../io/store/records.js";
import { receiptKeyId } from "../../proof/receipt/envelope.js";
import { type Core, notFound } from "../core.js";
import { loseRun, preempted } from "../job/run-end.js";

/** That this key speaks for the host from now on, and none that it had before. A free pilot's name has none. */
export async function registerKey(
  core: Core,
  tables: StoreTables,
  before: HostRecord | undefined,
  { name, place, receiptKey }: HostRecord,
): Promise<void> {
  const known = before?.receiptKey ?? new Uint8Array();
  if (equalBytes(known, receiptKey)) return;
  const keyId = receiptKeyId(receiptKey);
  const replaced = known.length === 0 ? {} : { replaces: receiptKeyId(known) };
  const details = { host: name, keyId, place: canonicalJson(place), ...replaced };
  const digest = digestOf(receiptKey);
  await core.notices.did(tables, { kind: "key.register", about: `host ${name}`, digest, details });
}

/** Throws PERMISSION_DENIED for a key that was revoked of one of these, whichever host shows it. */
export function refuseRevoked(hosts: Iterable<HostRecord>, receiptKey: Uint8Array): void {
  const keyId = receiptKeyId(receiptKey);
  for (const { name, revokedKeys } of hosts) {
    if (!revokedKeys?.includes(keyId)) continue;
    throw new QuipuError("PERMISSION_DENIED", `the key ${keyId} of host ${name} was revoked`, {
      next: "stop the agent, remove keys/receipt.key.pem in its state folder, start it again",
    });
  }
}

/**
 * The host's present key counts no longer: whatever agent has it is sent away until it has another, and
 * what ran there runs elsewhere. Receipts that are in the log already stay good.
 */
export async function revokeKey(core: Core, name: string, reason: string): Promise<HostRecord> {
  const kept = await core.ports.store.transact(async (tables) => {
    const known = await tables.hosts.get(name);
    if (known === undefined) throw notFound("host", name, "see `quipu host ls`");
    if (known.receiptKey.length === 0) throw notFound("key of host", name, "see `quipu host ls`");
    const keyId = receiptKeyId(known.receiptKey);
    const revokedKeys = known.revokedKeys ?? [];
    if (revokedKeys.includes(keyId)) return known;
    const host = { ...known, revokedKeys: [...revokedKeys, keyId] };
    await tables.hosts.put(host);
    const done = { kind: "key.revoke", about: `host ${name}` } as const;
    const details = { host: name, keyId, reason };
    const id = revocationId(keyId);
    if ((await tables.notices.get(id)) !== undefined) return host; // of another host that showed it
    await core.notices.did(tables, { ...done, id, digest: digestOf(known.receiptKey), details });
    return host;
  });
  const { revokedKeys } = kept;
  const known = core.hosts.get(name) ?? kept;
  const host = { ...known, ...(revokedKeys === undefined ? {} : { revokedKeys }) };
  core.hosts.set(name, host);
  for (const one of [...core.hosts.values()]) {
    if (!equalBytes(one.receiptKey, kept.receiptKey)) continue;
    core.sessions.get(one.name)?.close();
    for (const active of core.runs.ofHost(one.name)) {
      await loseRun(core, active, preempted(`the key of host ${name} was revoked`));
    }
  }
  return host;
}

/** Of the notice that revokes a key: there is one at most. */
export function revocationId(keyId: string): string {
  return `act-${keyId.slice(0, 32)}`;
}
