/**
 * The coordinator's program: reads its command line, holds its state folder, starts it, ends it.
 */
import { fileURLToPath } from "node:url";
import { formatEndpoint, parseEndpoint } from "../base/endpoint.js";
import { QuipuError } from "../base/errors.js";
import { times } from "../base/limits.js";
import { readTrustPolicy } from "../cli/log/trust-policy-file.js";
import { readYaml } from "../cli/yaml-file.js";
import { nativeSha256Many } from "../compute/native/sha256-many.js";
import { sdNotify } from "../compute/native/system.js";
import { type BurstOptions, CoordinatorDaemon, type DaemonEvent } from "../coordinator/daemon.js";
import { stateLayout } from "../coordinator/storage.js";
import { openDurableFolder } from "../io/store/durable-folder.js";
import { openStateFolder } from "../io/store/state-folder.js";
import type { AuditRules } from "../model/audit.js";
import { burstConfig } from "../model/burst.js";
import { isCopyVerb, runCopy } from "./coordinator-copies.js";
import { CommandLine, type Log, packageVersion, runDaemon } from "./daemon-program.js";
import { systemClock } from "./system-clock.js";

const command = new CommandLine(
  "quipu-coordinator --state DIR [--listen 127.0.0.1:PORT|unix:/PATH] [--http 127.0.0.1:PORT]" +
    " [--store postgres://…] [--shared DIR] [--advertise ADDRESS] [--policy DIR] [--prices DIR]" +
    " [--burst FILE] [--witnesses FILE] [--origin NAME] [--audit-rate 0.02] [--audit-new-host-runs 10]" +
    " [--log-level LEVEL]; or backup FOLDER, restore FOLDER",
);

const defaults = {
  state: undefined,
  listen: "127.0.0.1:0",
  http: "127.0.0.1:0",
  store: "",
  shared: "",
  advertise: "",
  policy: "",
  prices: "",
  burst: "",
  witnesses: "",
  origin: "",
  "audit-rate": "0.02",
  "audit-new-host-runs": "10",
  "log-level": "info",
};

const burstStepMs = 5_000;

/** One log line an event, at the level of what a person would have to do about it. */
function logEvent(log: Log, event: DaemonEvent): void {
  switch (event.kind) {
    case "attached":
    case "detached":
      log.info({ host: event.host }, event.kind);
      break;
    case "job":
      log.info({ jobId: event.jobId }, event.text);
      break;
    case "pilot":
      log.info({ pilotId: event.id, host: event.host }, event.text);
      break;
    case "brake":
      if (event.on)
        log.warn({ site: event.site }, "most of a site vanished: nothing of it is placed anew");
      else log.info({ site: event.site }, "the site's runs may be placed anew");
      break;
    case "standby":
      log.info({ leader: event.leader }, "standing by: another coordinator leads");
      sdNotify("READY=1"); // for whoever starts services it is up
      break;
    case "leading":
      log.info("leading");
      break;
    case "deposed":
      log.error({ error: event.error.toJSON() }, "another coordinator has taken over");
      break;
    case "unable":
      log.error({ error: event.error.toJSON() }, "cannot follow the leader");
      break;
    case "trouble":
      log.error({ error: event.error.toJSON() }, event.what);
      break;
    case "fault":
      log.error({ faultId: event.id, error: QuipuError.from(event.error).toJSON() }, event.what);
      break;
  }
}

function auditRules(given: Record<"audit-rate" | "audit-new-host-runs", string>): AuditRules {
  return {
    rate: command.part("audit-rate", given["audit-rate"]),
    newHostRuns: command.count("audit-new-host-runs", given["audit-new-host-runs"], 1_000_000, 0),
    withinMs: times.auditMs,
  };
}

async function main(log: Log): Promise<void> {
  const given = command.options(defaults);
  command.setLevel(log, given["log-level"]);
  const state = await openStateFolder(given.state, stateLayout);
  const ended = new AbortController();
  const ending = new Promise<NodeJS.Signals | QuipuError>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
    ended.signal.addEventListener("abort", () => resolve(ended.signal.reason));
  });
  const waiting = new AbortController();
  void ending.then(() => waiting.abort());
  const daemon = await CoordinatorDaemon.open({
    version: packageVersion(),
    stateFolder: state.path,
    store: given.store,
    leaderLeaseMs: command.milliseconds("QUIPU_LEADER_LEASE_MS", times.leaderLeaseMs),
    sharedFolder: given.shared,
    signal: waiting.signal,
    listen: given.listen,
    advertise: given.advertise === "" ? "" : formatEndpoint(parseEndpoint(given.advertise)),
    httpListen: given.http,
    policyFolder: given.policy,
    ownPolicyFolder: fileURLToPath(new URL("../../../deploy/policy", import.meta.url)),
    verifyPage: fileURLToPath(new URL("../../../web/verify.html", import.meta.url)),
    priceFolder: given.prices,
    burst: given.burst === "" ? undefined : await burstOptions(given.burst),
    witnesses: given.witnesses === "" ? undefined : await readTrustPolicy(given.witnesses),
    origin: given.origin,
    heartbeatMs: command.milliseconds("QUIPU_HEARTBEAT_MS", times.heartbeatMs),
    leaseMs: command.milliseconds("QUIPU_LEASE_MS", times.leaseMs),
    leaseMarginMs: command.milliseconds("QUIPU_LEASE_MARGIN_MS", times.leaseMarginMs),
    audits: auditRules(given),
    clock: systemClock(),
    hashMany: nativeSha256Many(),
    random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    observe: (event) => {
      logEvent(log, event);
      if (event.kind === "deposed" || event.kind === "unable") ended.abort(event.error);
    },
  }).catch((thrown: unknown) => {
    if (waiting.signal.aborted && QuipuError.from(thrown).code === "CANCELLED") return undefined;
    throw thrown;
  });
  if (daemon !== undefined) {
    await announce(state.path, daemon);
    sdNotify("READY=1");
    log.info({ grpc: daemon.grpcAddress, http: daemon.httpUrl }, "ready");
    const why = await ending;
    if (why instanceof QuipuError) throw why; // at once: every word from here on may be wrong
    log.info({ signal: why }, "ending");
    sdNotify("STOPPING=1");
    await daemon.close();
  }
  await state.close();
}

async function burstOptions(file: string): Promise<BurstOptions> {
  const [config, ...more] = await readYaml(file, { what: "burst", schema: burstConfig });
  if (config === undefined || more.length > 0) {
    throw new QuipuError("INVALID_ARGUMENT", `${file} does not hold one document`);
  }
  return {
    config,
    stepMs: command.milliseconds("QUIPU_BURST_STEP_MS", burstStepMs),
    agent: [process.execPath, fileURLToPath(new URL("quipud.js", import.meta.url))],
  };
}

/** For whoever started it: one file in the state folder, then one line on stdout. */
async function announce(stateFolder: string, daemon: CoordinatorDaemon): Promise<void> {
  const where = { grpc: daemon.grpcAddress, http: daemon.httpUrl };
  const folder = await openDurableFolder(stateFolder);
  await folder.put("endpoints.json", json({ ...where, pid: process.pid }));
  process.stdout.write(json({ ready: true, ...where }));
}

function json(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

const [verb, ...rest] = process.argv.slice(2);
if (isCopyVerb(verb)) process.exitCode = await runCopy(verb, rest);
else await runDaemon(main);
