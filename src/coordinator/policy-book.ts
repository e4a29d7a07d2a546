/**
 * The policy set in force: the one that was applied last, and as long as none was, the files of the
 * policy folder. Whatever was in force stays in the store under its digest, so that decisions can be
 * made again.
 */
import type { Digest } from "../base/bytes.js";
import type { Clock } from "../base/clock.js";
import { QuipuError } from "../base/errors.js";
import type { CoordinatorStore, StoreTables } from "../io/store/coordinator-store.js";
import type { PolicySetRecord } from "../io/store/records.js";
import {
  type ExportRequest,
  loadPolicy,
  type PolicyEngine,
  type RunOnRequest,
} from "../scheduler/policy/engine.js";
import type { Verdict } from "../scheduler/policy/verdict.js";
import type { Done } from "./log/notices.js";
import type { PolicyPort } from "./ports.js";

type Files = PolicySetRecord["files"];
type Store = Pick<CoordinatorStore, "transact" | "policySets">;

/** What is stated of a set that comes into force, in place of `before`. */
export function applied(digest: Digest, files: Files, before?: Digest): Done {
  const replaced = before === undefined ? {} : { before };
  const details = { ...replaced, files: Object.keys(files).sort().join(" ") };
  return { kind: "policy.apply", about: "policy", digest, details };
}

export class PolicyBook implements PolicyPort {
  readonly #store: Store;
  readonly #clock: Clock;
  #engine: PolicyEngine;

  private constructor(store: Store, clock: Clock, engine: PolicyEngine) {
    this.#store = store;
    this.#clock = clock;
    this.#engine = engine;
  }

  /**
   * `named`: somebody named the folder, so that another set in force is a contradiction. `taken` is told of the
   * folder's set, in the transaction that puts it in force.
   */
  static async open(
    store: Store,
    clock: Clock,
    folder: { readonly files: Files; readonly named: boolean },
    taken: (tables: StoreTables, done: Done) => Promise<void>,
  ): Promise<PolicyBook> {
    const ofFolder = loadPolicy(folder.files);
    const kept = await store.policySets.newest();
    if (kept?.applied !== true) {
      const book = new PolicyBook(store, clock, ofFolder);
      await book.#keep(ofFolder.digest, folder.files, false, (tables, digest) =>
        taken(tables, applied(digest, folder.files, kept?.digest)),
      );
      return book;
    }
    const engine = loadPolicy(kept.files);
    if (folder.named && ofFolder.digest !== engine.digest) {
      throw new QuipuError(
        "CONFLICT",
        "the policy folder holds another set than was applied last",
        {
          next: "leave --policy out, and hand the folder over with `quipu policy apply FOLDER`",
          details: { applied: engine.digest, folder: ofFolder.digest },
        },
      );
    }
    const book = new PolicyBook(store, clock, engine);
    await book.#keep(engine.digest, kept.files, true);
    return book;
  }

  get digest(): Digest {
    return this.#engine.digest;
  }

  get namesJobs(): boolean {
    return this.#engine.namesJobs;
  }

  get namesHosts(): boolean {
    return this.#engine.namesHosts;
  }

  holdsUntilMs(...asked: Parameters<PolicyEngine["holdsUntilMs"]>): number {
    return this.#engine.holdsUntilMs(...asked);
  }

  runOn(request: RunOnRequest): Verdict {
    return this.#engine.runOn(request);
  }

  exportTo(request: ExportRequest): Verdict {
    return this.#engine.exportTo(request);
  }

  /**
   * Durable, then in force: a crash in between leaves the new set for the next start. Throws what is
   * wrong with the set, and the one in force stays. `also` is written in the same transaction. Answers
   * with the digest of the one before.
   */
  async apply(
    files: Files,
    also?: (tables: StoreTables, digest: Digest) => Promise<void>,
  ): Promise<Digest> {
    const engine = loadPolicy(files);
    const before = this.#engine.digest;
    await this.#keep(engine.digest, files, true, also);
    this.#engine = engine;
    return before;
  }

  /** The set in force, or an earlier one. */
  async find(digest: string): Promise<PolicySetRecord | undefined> {
    const { policySets } = this.#store;
    return digest === "" ? await policySets.newest() : await policySets.get(digest as Digest);
  }

  /** What is in force already is not written again, unless it is applied for the first time. */
  async #keep(
    digest: Digest,
    files: Files,
    applied: boolean,
    also?: (tables: StoreTables, digest: Digest) => Promise<void>,
  ): Promise<void> {
    const atMs = this.#clock.wallMs();
    await this.#store.transact(async (tables) => {
      const { policySets } = tables;
      const newest = await policySets.newest();
      if (newest?.digest === digest && newest.applied === applied) return;
      await policySets.append({ digest, applied, files, atMs });
      await also?.(tables, digest);
    });
  }
}
