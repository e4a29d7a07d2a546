/** The fleet as placement sees it now, and a decision about one job from it. */
import { timestamp } from "../base/clock.js";
import { newId } from "../base/ids.js";
import type { Decision } from "../model/decision.js";
import { decide } from "../scheduler/placement/decide.js";
import { type Fleet, fleetOf } from "../scheduler/placement/fleet.js";
import type { AdmittedSpec } from "./admission.js";
import type { Core } from "./core.js";

/** Every host that ever attached: one that is away may still be the only lawful place for a job. */
export function snapshot(core: Core): Fleet {
  const views = [...core.hosts.values()].map(({ name, place, devices, dataSets }) => ({
    name,
    place,
    devices,
    dataSets,
    attached: core.sessions.has(name),
    busyDevices: core.runs.busyDevices(name),
  }));
  return fleetOf(views);
}

/** The same fleet after a placement. */
export function withPlacement({ hosts }: Fleet, host: string, device: string): Fleet {
  return fleetOf(
    hosts.map((view) =>
      view.name === host ? { ...view, busyDevices: [...view.busyDevices, device] } : view,
    ),
  );
}

export async function decideNow(
  core: Core,
  job: Pick<AdmittedSpec, "spec" | "digest">,
  fleet: Fleet,
): Promise<Decision> {
  const { store, clock, random, policy } = core.ports;
  const { dataSet } = job.spec;
  return decide({
    id: newId("dec", random),
    job: job.spec,
    jobDigest: job.digest,
    at: timestamp(clock.wallMs()),
    fleet,
    dataSet: dataSet === undefined ? undefined : (await store.dataSets.get(dataSet))?.facts,
    policy,
  });
}
