/** Which keys spoke for which hosts, and until when, as the acts in the log itself tell. */
import type { OpenedLeaf } from "./open-leaves.js";

export class KeyActs {
  readonly #registered = new Set<string>();
  readonly #revokedAt = new Map<string, number>();

  /** In the log's order. */
  take({ index, stated }: OpenedLeaf): void {
    if (!("notice" in stated) || !("kind" in stated.notice.predicate)) return;
    const { kind, details } = stated.notice.predicate;
    const [{ digest }] = stated.notice.subject;
    if (kind === "key.register") this.#registered.add(spoken(details.host ?? "", digest.sha256));
    if (kind !== "key.revoke" || this.#revokedAt.has(digest.sha256)) return;
    this.#revokedAt.set(digest.sha256, index);
  }

  /** The entry from which on the key counts for nothing, of those that came so far. */
  revokedAt(keyId: string): number | undefined {
    return this.#revokedAt.get(keyId);
  }

  /** To be asked at the end: the first receipt under a key may stand before the key's own entry. */
  isRegistered({ host, keyId }: { readonly host: string; readonly keyId: string }): boolean {
    return this.#registered.has(spoken(host, keyId));
  }
}

function spoken(host: string, keyId: string): string {
  return `${host} ${keyId}`;
}
