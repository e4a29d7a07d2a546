/** Audits that have to go on, and what is known of hosts by those that have ended. */
import type { Digest } from "../../base/bytes.js";
import type { CoordinatorStore } from "../../io/store/coordinator-store.js";
import type { JobRecord, ReputationRecord } from "../../io/store/records.js";
import type { AuditEnd } from "../../model/audit.js";
import { isTerminal } from "../../model/job.js";
import type { Core } from "../core.js";
import { specOf } from "../job/specs.js";
import { Owed } from "../owed.js";
import { settleAudit } from "./settle.js";

const noProductsMax = 4096;
/** Each waits in a line of its own: rounds look at so many more. */
export const auditsOpenMax = 1_000;

export class Audits {
  readonly #reputations = new Map<string, ReputationRecord>();
  /** Models of which no host could check the products. In memory only: whoever forgets asks once more. */
  readonly #noProducts = new Set<Digest>();
  readonly #owed: Owed;
  readonly #open = new Set<string>();
  /** That have ended so since this process began. */
  readonly ended: Record<AuditEnd, number> = { agreed: 0, decided: 0, undecided: 0, unanswered: 0 };

  constructor(core: () => Core) {
    this.#owed = new Owed(core, "audit", settleAudit);
  }

  /** What is durable; every audit that is open is looked at, since its job may have ended. */
  async load({ audits }: Pick<CoordinatorStore, "audits">): Promise<void> {
    for (const reputation of await audits.reputations()) this.remember(reputation);
    for (const { id } of await audits.open()) this.#open.add(id);
    for (const id of this.#open) this.#owed.add(id);
  }

  /** The host's answers that were right since the last wrong one, under this key. */
  rightInRow(host: string, keyId: string): number {
    const known = this.of(host);
    return known?.keyId === keyId ? known.rightInRow : 0;
  }

  of(host: string): ReputationRecord | undefined {
    return this.#reputations.get(host);
  }

  remember(reputation: ReputationRecord): void {
    this.#reputations.set(reputation.host, reputation);
  }

  /** No more are opened until some have ended. */
  get isFull(): boolean {
    return this.#open.size >= auditsOpenMax;
  }

  /** After the commit. */
  opened(id: string): void {
    this.#open.add(id);
  }

  /** After the commit. */
  closed(id: string, how: AuditEnd): void {
    this.#open.delete(id);
    this.ended[how] += 1;
  }

  isNoProduct(model: Digest): boolean {
    return this.#noProducts.has(model);
  }

  learnNoProduct(job: Pick<JobRecord, "spec">): void {
    const { task } = specOf(job);
    if (task.driver !== "tensor" || task.check === undefined) return;
    this.#noProducts.add(task.model);
    const [oldest] = this.#noProducts;
    if (this.#noProducts.size > noProductsMax && oldest !== undefined)
      this.#noProducts.delete(oldest);
  }

  /** Something happened to this job; the audit that it runs for goes on when it has ended. */
  look({ auditId, state }: Pick<JobRecord, "auditId" | "state">): void {
    if (auditId !== undefined && isTerminal(state)) this.#owed.add(auditId);
  }

  /** Goes on with what could not be done yet. */
  retry(): void {
    this.#owed.retry();
  }
}
