/** The agent's program: reads its command line, holds its state folder, starts it, ends it in order. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AgentDaemon, type AgentOptions, type DaemonEvent } from "../agent/daemon.js";
import { formatEndpoint, parseEndpoint } from "../base/endpoint.js";
import { QuipuError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { sdNotify } from "../compute/native/system.js";
import { openDurableFolder } from "../io/store/durable-folder.js";
import { openStateFolder } from "../io/store/state-folder.js";
import { name } from "../model/name.js";
import { place } from "../model/place.js";
import { timeMs } from "../model/time.js";
import { CommandLine, type Log, packageVersion, runDaemon } from "./daemon-program.js";
import { systemClock } from "./system-clock.js";

const command = new CommandLine(
  "quipud --name NAME --country CC --site private|public --coordinator ADDRESS[,ADDRESS…] --state DIR" +
    " --data DIR [--slots N] [--zone ZONE] [--grade GRADE] [--grade-until TIME] [--operator NAME]" +
    " [--http 127.0.0.1:PORT] [--until TIME] [--log-level LEVEL]",
);

/** Layout of the state folder: keys, journal, spool, artifacts, scratch. */
const stateVersion = 1;
const statusMsMax = 5_000;

const defaults = {
  name: undefined,
  country: undefined,
  zone: "",
  site: undefined,
  grade: "claimed",
  "grade-until": "",
  operator: "",
  coordinator: undefined,
  state: undefined,
  data: undefined,
  http: "127.0.0.1:0",
  slots: "64",
  until: "",
  "log-level": "info",
};

function program(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

function agentOptions(
  options: Record<keyof typeof defaults, string>,
  observe: (event: DaemonEvent) => void,
): AgentOptions {
  const { country, zone, site, grade, operator, "grade-until": gradeUntil } = options;
  const where = place.safeParse({
    ...{ country, zone, site, grade },
    ...(gradeUntil === "" ? {} : { gradeUntil }),
    ...(operator === "" ? {} : { operator }),
  });
  if (!where.success) {
    const issue = where.error.issues[0];
    const option = issue?.path.join(".").replace("gradeUntil", "grade-until");
    throw command.wrong(`--${option}: ${issue?.message}`);
  }
  const host = name.safeParse(options.name);
  if (!host.success) throw command.wrong(`--name: ${host.error.issues[0]?.message}`);
  const untilMs = options.until === "" ? undefined : timeMs(options.until);
  if (Number.isNaN(untilMs)) {
    throw command.wrong(`--until ${options.until} is no moment such as 2027-01-31T00:00:00Z`);
  }
  return {
    name: host.data,
    place: where.data,
    untilMs,
    pilotToken: command.secret("QUIPU_PILOT_TOKEN"),
    version: packageVersion(),
    coordinators: options.coordinator.split(",").map((one) => formatEndpoint(parseEndpoint(one))),
    stateFolder: options.state,
    dataFolder: options.data,
    httpListen: options.http,
    slots: command.count("slots", options.slots, limits.slotsMax),
    workerPath: program("worker.js"),
    gpuHelperPath: program("gpu-helper.js"),
    clock: systemClock(),
    random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    observe,
  };
}

/** One log line an event, at the level of what a person would have to do about it. */
function logEvent(log: Log, event: DaemonEvent): void {
  switch (event.kind) {
    case "attached":
      log.info({ coordinatorVersion: event.coordinatorVersion }, "attached");
      break;
    case "detached":
      log.warn("detached");
      break;
    case "refused":
      log.error({ error: { code: event.code, message: event.message } }, "refused");
      break;
    case "run":
      log.info({ ...event.run, phase: event.phase }, event.text || event.phase);
      break;
    case "trouble":
      log.error({ error: event.error.toJSON() }, event.what);
      break;
    case "unattached":
      log.warn({ error: event.error.toJSON(), retryMs: event.retryMs }, "not attached");
      break;
    case "device":
      log.info({ device: event.device }, event.text);
      break;
    case "host":
      log.warn(event.text);
      break;
  }
}

async function main(log: Log): Promise<void> {
  const given = command.options(defaults);
  command.setLevel(log, given["log-level"]);
  let attached: () => void = () => {};
  const firstAttach = new Promise<void>((resolve) => {
    attached = resolve;
  });
  let refuse: (error: QuipuError) => void = () => {};
  const refused = new Promise<QuipuError>((resolve) => {
    refuse = resolve;
  });
  const options = agentOptions(given, (event) => {
    logEvent(log, event);
    if (event.kind === "attached") attached();
    if (event.kind === "refused" && event.code === "PERMISSION_DENIED") {
      refuse(new QuipuError("PERMISSION_DENIED", event.message));
    }
  });
  mkdirSync(options.dataFolder, { recursive: true });
  const state = await openStateFolder(given.state, { kind: "agent", version: stateVersion });
  const daemon = await AgentDaemon.open(options);
  const ending = new Promise<string>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
    if (options.untilMs !== undefined) atTime(options.untilMs, () => resolve("--until"));
  });
  daemon.serve();
  const status = setInterval(() => tellManager(daemon), statusMs());
  void firstAttach.then(() => announce(options, daemon, log));
  // An agent that was asked for and is no longer wanted has no reason to stay; others dial again, for
  // their operator may put right why they are refused.
  const end = options.pilotToken === undefined ? ending : Promise.race([ending, refused]);
  const why = await end;
  log.info({ why: why instanceof QuipuError ? why.message : why }, "ending");
  sdNotify("STOPPING=1");
  clearInterval(status);
  await daemon.close();
  await state.close();
  if (why instanceof QuipuError) throw why;
}

/** The longest time that a timer takes; later moments are looked at again. */
const timerMsMax = 24 * 3_600_000;

function atTime(atMs: number, act: () => void): void {
  const leftMs = atMs - Date.now();
  if (leftMs <= 0) act();
  else setTimeout(() => atTime(atMs, act), Math.min(leftMs, timerMsMax)).unref();
}

/** For whoever started it: one line on stdout, one file in the state folder. */
async function announce(options: AgentOptions, daemon: AgentDaemon, log: Log): Promise<void> {
  const endpoints = { http: daemon.httpUrl, pid: process.pid, name: options.name };
  try {
    const folder = await openDurableFolder(options.stateFolder);
    await folder.put("endpoints.json", Buffer.from(`${JSON.stringify(endpoints)}\n`));
  } catch (thrown) {
    log.error({ error: QuipuError.from(thrown).toJSON() }, "cannot write endpoints.json");
  }
  const ready = { ready: true, name: options.name, http: daemon.httpUrl };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  sdNotify("READY=1");
  tellManager(daemon);
}

/** Twice within what the service manager's watchdog allows. */
function statusMs(): number {
  const watchdogMs = Number(process.env.WATCHDOG_USEC ?? 0) / 1000;
  return watchdogMs > 0 ? Math.min(statusMsMax, watchdogMs / 2) : statusMsMax;
}

/** The watchdog is fed by the event loop that also ticks the leases: if one hangs, so does the other. */
function tellManager(daemon: AgentDaemon): void {
  const { attached, runs, spoolTrouble } = daemon.view;
  const where = attached ? "attached" : "not attached";
  const trouble = spoolTrouble === "" ? "" : `; the spool cannot be written: ${spoolTrouble}`;
  sdNotify(`WATCHDOG=1\nSTATUS=${where}, ${runs.length} runs${trouble}`);
}

await runDaemon(main);
