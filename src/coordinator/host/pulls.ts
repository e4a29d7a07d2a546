/** What a run of a job would bring to its host, as far as its sizes are known. */
import type { Digest } from "../../base/bytes.js";
import type { JobRecord } from "../../io/store/records.js";
import type { Bounds } from "../../model/decision.js";
import type { Pull } from "../../model/egress.js";
import { type AskedJob, jobArtifacts } from "../../model/job.js";
import { isWhole } from "../../model/job-graph.js";
import type { Core } from "../core.js";

/**
 * Absent where no book says what bytes cost on their way, so that nobody else pays for looking. `makers`
 * are the jobs whose outputs it takes. A data set lies on its hosts already and is brought nowhere.
 */
export async function pullsOf(
  core: Core,
  asked: AskedJob,
  makers: readonly JobRecord[] = [],
): Promise<Pick<Bounds, "pulls">> {
  const isPriced = core.ports.prices.some(({ egress }) => egress !== undefined);
  if (!isPriced || !isWhole(asked)) return {};
  const pulls: Pull[] = [];
  for (const digest of jobArtifacts(asked)) {
    const pull = madePull(core, makers, digest) ?? (await ownPull(core, digest));
    if (pull !== undefined) pulls.push(pull);
  }
  return pulls.length === 0 ? {} : { pulls };
}

/** From the host that has made it. */
function madePull({ hosts }: Core, makers: readonly JobRecord[], digest: Digest): Pull | undefined {
  for (const { host, result } of makers) {
    const made = result?.outputs.find((output) => output.digest === digest);
    const place = hosts.get(host)?.place;
    if (made === undefined || place === undefined) continue;
    return { sizeBytes: made.sizeBytes, from: { host, place } };
  }
  return undefined;
}

/** From the coordinator's own store, which says nothing of where it stands. */
async function ownPull({ ports }: Core, digest: Digest): Promise<Pull | undefined> {
  const sizeBytes = await ports.artifacts.sizeOf(digest);
  return sizeBytes === undefined ? undefined : { sizeBytes };
}
