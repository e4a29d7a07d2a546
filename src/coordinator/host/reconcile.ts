/** After a welcome: what the coordinator granted against what the agent says it holds. */
import type { RunRef } from "../../model/run.js";
import type { Core } from "../core.js";
import { sendAssign, sendCancel } from "../dispatch/assign.js";
import { markHeld } from "../job/acknowledge.js";
import { mustStop } from "../job/active-runs.js";
import { loseRun } from "../job/run-end.js";

export async function reconcile(
  core: Core,
  host: string,
  instanceId: string,
  heldRuns: readonly RunRef[],
): Promise<void> {
  const held = new Map(heldRuns.map(({ runId, epoch }) => [runId, epoch]));
  for (const active of core.runs.ofHost(host)) {
    if (core.sessions.get(host)?.instanceId !== instanceId) return; // a newer one knows better
    if (active.ending) continue;
    if (held.get(active.run.id) === active.run.epoch) {
      // Its lease goes on. That it is held is an acknowledgement, also when RUNNING was lost.
      await markHeld(core, active, instanceId);
      core.changes.changed(active.run.jobId);
      if (mustStop(active)) sendCancel(core, active);
    } else if (!active.acknowledged) {
      await sendAssign(core, active);
    } else if (active.instanceId !== instanceId) {
      await loseRun(core, active, {
        code: "WORKER_DIED",
        kind: "retryable",
        message: `the agent of ${host} was started anew and no longer holds the run`,
      });
    }
    // Else this very agent gave it up at its lease's end. No heartbeat names it: it expires here
    // too.
  }
}
