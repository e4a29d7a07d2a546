/** A whole coordinator in the process of a test, on ports of its own. */
import { CoordinatorDaemon, type DaemonOptions } from "../src/coordinator/daemon.js";

export function openDaemon(
  stateFolder: string,
  parts: Partial<DaemonOptions> = {},
): Promise<CoordinatorDaemon> {
  return CoordinatorDaemon.open({
    version: "0.1.0",
    stateFolder,
    store: "",
    sharedFolder: "",
    advertise: "",
    leaderLeaseMs: 5_000,
    signal: new AbortController().signal,
    listen: "127.0.0.1:0",
    httpListen: "127.0.0.1:0",
    policyFolder: "",
    ownPolicyFolder: "deploy/policy",
    verifyPage: "web/verify.html",
    priceFolder: "",
    origin: "",
    heartbeatMs: 1_000,
    leaseMs: 10_000,
    leaseMarginMs: 2_000,
    audits: { rate: 0, newHostRuns: 0, withinMs: 1 },
    clock: { wallMs: () => Date.now(), bootMs: () => performance.now() },
    random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    observe: () => {},
    ...parts,
  });
}
