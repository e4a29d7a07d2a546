/**
 * What the coordinator itself states: how a job ended that no host could sign for, and what operators did. A
 * notice is signed and staged in the very transaction that makes it true, so neither is there without the
 * other; then it goes into the log, as receipts do.
 *
 *  1. staged, with what it is about. A crash after it: the next start goes on at 2.
 *  2. entry in the log. The next start finds it there by its leaf hash.
 *  3. `logged`, with its place in the log.
 */
import { type Digest, digestOf, hexOf } from "../../base/bytes.js";
import { timestamp } from "../../base/clock.js";
import { newId } from "../../base/ids.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { JobRecord, NoticeRecord } from "../../io/store/records.js";
import type { ActKind, JobEnd, Notice } from "../../model/notice.js";
import {
  type Envelope,
  entryBytes,
  parseEnvelope,
  receiptKeyId,
  sealPayload,
} from "../../proof/receipt/envelope.js";
import { actNotice, jobEndNotice, noticeBytes, parsePayload } from "../../proof/receipt/notice.js";
import { type Core, trouble } from "../core.js";
import type { CoordinatorPorts } from "../ports.js";
import { decisionOf } from "../wire.js";
import type { LogBook } from "./log-book.js";

const noticesAtOnce = 256;
const textMax = 2000;

/** What an act is about: `KIND NAME`, or the kind alone where there is only one. */
export type ActSubject =
  | `${"data-set" | "host" | "owner" | "receipt" | "run"} ${string}`
  | "policy";

type Ports = Pick<CoordinatorPorts, "clock" | "random" | "store" | "log" | "noticeSigner">;

/** What somebody did. */
export interface Done {
  readonly kind: ActKind;
  /** Given where it must be found again; it can be done only once then. */
  readonly id?: string;
  readonly about: ActSubject;
  /** Of what it made so; absent: of the details. */
  readonly digest?: Digest;
  readonly details: Readonly<Record<string, string>>;
}

export class Notices {
  readonly #ports: Ports;
  #newestMs = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** How this job ended, with the transaction that ends it. */
  async ended(tables: StoreTables, job: JobRecord, atMs: number): Promise<void> {
    const { id, owner, specDigest, failure, cancelReason, epoch, runId, host, country } = job;
    const decision = await tables.decisions.get(job.decisionId);
    const predicate: JobEnd["predicate"] = {
      ...this.#head(atMs),
      job: { id, owner, digest: specDigest },
      outcome: job.state as JobEnd["predicate"]["outcome"],
      ...(failure === undefined
        ? {}
        : { failure: { code: failure.code, message: clipped(failure.message) } }),
      ...(cancelReason === undefined ? {} : { reason: clipped(cancelReason) }),
      attempts: epoch,
      ...(runId === "" || country === "" ? {} : { lastRun: { id: runId, host, country } }),
      ...(decision === undefined ? {} : decided(decision.content)),
    };
    await this.#stage(tables, id, jobEndNotice(predicate), atMs);
  }

  /** What was done, with the transaction that does it. */
  async did(tables: StoreTables, { kind, about, digest, details, ...done }: Done): Promise<void> {
    const { clock, random } = this.#ports;
    const id = done.id ?? newId("act", random);
    const texts = Object.entries(details).map(([name, text]) => [name, clipped(text)]);
    const atMs = clock.wallMs();
    const act = { ...this.#head(atMs), id, kind, details: Object.fromEntries(texts) };
    await this.#stage(tables, id, actNotice(act, { name: about, digest }), atMs);
  }

  /**
   * Steps 2 and 3 of those that are staged; doing it twice is once. Rejects with the first that failed, and
   * not before all have ended: else those that a slow log keeps would gather behind one that fails.
   */
  async bring(logBook: Pick<LogBook, "append">): Promise<void> {
    const staged = await this.#ports.store.notices.staged(noticesAtOnce);
    const ends = await Promise.allSettled(staged.map((notice) => this.#log(logBook, notice)));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async #log(
    logBook: Pick<LogBook, "append">,
    { id, envelope: bytes, key }: NoticeRecord,
  ): Promise<void> {
    const envelope = parseEnvelope(bytes); // signed here, so its signature is not checked
    if (isAct(id) && (await this.#isEarly(envelope))) return;
    const logIndex = await logBook.append(entryBytes(envelope, key));
    await this.#ports.store.transact(({ notices }) => notices.setLogged(id, logIndex));
  }

  /**
   * What a key signed counts up to the entry that revokes it. So that comes after all of its receipts that were
   * accepted, however long the log keeps them waiting; no more are accepted meanwhile.
   */
  async #isEarly({ payload }: Envelope): Promise<boolean> {
    const stated = parsePayload(payload);
    const predicate = "notice" in stated ? stated.notice.predicate : undefined;
    if (predicate === undefined || !("kind" in predicate) || predicate.kind !== "key.revoke")
      return false;
    const owed = await this.#ports.store.receipts.owedKeys();
    return owed.some((key) => receiptKeyId(key) === predicate.details.keyId);
  }

  #head(atMs: number) {
    return { coordinator: this.#ports.log.verifierKey.name, at: timestamp(atMs) };
  }

  async #stage({ notices }: StoreTables, id: string, notice: Notice, atMs: number): Promise<void> {
    const { noticeSigner } = this.#ports;
    this.#newestMs = Math.max(atMs, this.#newestMs + 1); // they go into the log in this order
    const envelope = sealPayload(noticeBytes(notice), noticeSigner);
    const key = noticeSigner.publicKey;
    await notices.insert({ id, stage: "staged", envelope, key, madeAtMs: this.#newestMs });
  }
}

/** The end of a job is kept under the job's id, and ends are many: what is no act need not be read. */
export function isAct(noticeId: string): boolean {
  return noticeId.startsWith("act-");
}

/** What fails is tried again with the next tick. */
export async function bringNotices(core: Core): Promise<void> {
  await core.notices
    .bring(core.logBook)
    .catch((thrown: unknown) => trouble(core, "notices", thrown));
}

function decided(content: Uint8Array): Pick<JobEnd["predicate"], "decision"> {
  const policyDigest = decisionOf(content)?.policyDigest;
  const sha256 = hexOf(digestOf(content));
  return policyDigest === undefined ? {} : { decision: { digest: { sha256 }, policyDigest } };
}

function clipped(text: string): string {
  return text.slice(0, textMax).toWellFormed();
}
