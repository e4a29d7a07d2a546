/** What a run of a job would bring to its host, as far as its sizes are known. */
import type { Digest } from "../../base/bytes.js";
import type { JobRecord } from "../../io/store/records.js";
import type { Bounds } from "../../model/decision.js";
import type { Pull } from "../../model/egress.js";
import { type AskedJob, jobArtifacts } from "../../model/job.js";
import { isWhole } from "../../model/job-graph.js";
import type { Core } from "../core.js";

/**
 * Absent where all hosts are as near to it and no book says what bytes cost on their way, so that nobody
 * pays for looking. `makers` are the jobs whose outputs it takes. A data set lies on its hosts already and
 * is brought nowhere.
 */
export async function pullsOf(
  core: Core,
  asked: AskedJob,
  makers: readonly JobRecord[],
): Promise<Pick<Bounds, "pulls">> {
  if (!isWhole(asked)) return {};
  const pulls: Pull[] = [];
  for (const digest of jobArtifacts(asked)) {
    const pull = madePull(core, makers, digest) ?? (await ownPull(core, digest));
    if (pull !== undefined) pulls.push(pull);
  }
  return pulls.length === 0 ? {} : { pulls };
}

/** From the host that has made it. */
function madePull(core: Core, makers: readonly JobRecord[], digest: Digest): Pull | undefined {
  for (const { host, result } of makers) {
    const made = result?.outputs.find((output) => output.digest === digest);
    const place = core.hosts.get(host)?.place;
    if (made === undefined || place === undefined) continue;
    const held = heldBy(core, digest, host);
    return { sizeBytes: made.sizeBytes, from: { host, place }, ...held };
  }
  return undefined;
}

/** From the coordinator's own store, which says nothing of where it stands. */
async function ownPull(core: Core, digest: Digest): Promise<Pull | undefined> {
  const { prices, artifacts } = core.ports;
  const held = heldBy(core, digest);
  const isPriced = prices.some(({ egress }) => egress !== undefined);
  if (held.held === undefined && !isPriced) return undefined;
  const sizeBytes = await artifacts.sizeOf(digest);
  return sizeBytes === undefined ? undefined : { sizeBytes, ...held };
}

function heldBy({ holders }: Core, digest: Digest, maker = ""): Pick<Pull, "held"> {
  const held = holders.of(digest).filter((host) => host !== maker);
  return held.length === 0 ? {} : { held };
}
