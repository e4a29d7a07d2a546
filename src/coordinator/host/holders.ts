/**
 * Which hosts hold which blobs: those whose signed receipts say that they have made one, or taken it in. In
 * memory only, and never more than a preference: a host that lost one fetches it again, and a process that
 * has forgotten one pays for a fetch.
 */
import { type Digest, equalBytes } from "../../base/bytes.js";
import type { HostRecord, JobRecord, RunRecord } from "../../io/store/records.js";
import { jobArtifacts } from "../../model/job.js";
import { compare } from "../../scheduler/placement/fleet.js";
import { specOf } from "../job/specs.js";

/** Those that were asked for longest ago are forgotten first. */
const blobsMax = 4096;
/** Of what one run made the first in its list, lest it push out what all others hold. */
const madeMax = 64;
/** Of one blob the first that are known: each is looked at by itself in a decision. */
const holdersMax = 32;

type Holder = Pick<RunRecord, "host" | "receiptKey">;

export class Holders {
  readonly #hosts: ReadonlyMap<string, HostRecord>;
  readonly #blobs = new Map<Digest, readonly Holder[]>();

  /** `hosts`: all that there are, as they are now. */
  constructor(hosts: ReadonlyMap<string, HostRecord>) {
    this.#hosts = hosts;
  }

  /** What a run has left on its host that succeeded. Jobs that take nothing make nothing that is taken. */
  learn({ host, receiptKey }: Holder, job: JobRecord): void {
    if (job.driver !== "tensor" || job.state !== "succeeded") return;
    const made = job.result?.outputs.slice(0, madeMax).map(({ digest }) => digest) ?? [];
    for (const digest of [...jobArtifacts(specOf(job)), ...made]) {
      const others = this.#living(digest).filter((one) => one.host !== host);
      if (others.length < holdersMax) this.#keep(digest, [...others, { host, receiptKey }]);
    }
  }

  /** Names, ascending. */
  of(digest: Digest): readonly string[] {
    const living = this.#living(digest);
    if (living.length > 0) this.#keep(digest, living);
    return living.map(({ host }) => host).sort(compare);
  }

  /** A host with another key is another one, or a pilot's successor under its name. */
  #living(digest: Digest): readonly Holder[] {
    const known = this.#blobs.get(digest) ?? [];
    return known.filter(({ host, receiptKey }) => {
      const now = this.#hosts.get(host);
      return now !== undefined && equalBytes(now.receiptKey, receiptKey);
    });
  }

  #keep(digest: Digest, holders: readonly Holder[]): void {
    this.#blobs.delete(digest); // to the end of the line
    this.#blobs.set(digest, holders);
    const [oldest] = this.#blobs.keys();
    if (this.#blobs.size > blobsMax && oldest !== undefined) this.#blobs.delete(oldest);
  }
}
