/** Starts one of our daemons as a process of its own and waits until it says that it is ready. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { isErrorCode, QuipuError } from "../../base/errors.js";

const readyMsMax = 30_000;

export interface DaemonOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Its log lines (JSON) are appended here. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Lives on when this process ends. */
  readonly detached: boolean;
  readonly signal: AbortSignal;
}

export interface Daemon {
  readonly pid: number;
  readonly process: ChildProcess;
  /** The JSON line that it printed when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
}

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  await mkdir(dirname(options.logFile), { recursive: true, mode: 0o700 });
  const log = await open(options.logFile, "a", 0o600);
  const logStart = (await log.stat()).size;
  const child = spawn(process.execPath, [options.program, ...options.args], {
    detached: options.detached,
    stdio: ["ignore", "pipe", log.fd],
    env: { ...process.env, ...options.env },
  });
  await log.close();
  try {
    const ready = await firstLine(child, options);
    if (options.detached) {
      child.stdout?.destroy();
      child.unref();
    }
    return { pid: child.pid ?? 0, process: child, ready };
  } catch (error) {
    child.kill("SIGKILL");
    throw (await reasonInLog(options.logFile, logStart)) ?? error;
  }
}

async function firstLine(child: ChildProcess, { signal, logFile }: DaemonOptions) {
  if (child.stdout === null) throw new Error("a daemon was started without its stdout");
  const lines = createInterface({ input: child.stdout });
  return new Promise<Record<string, unknown>>((resolve, reject) => {
    const fail = (code: "UNAVAILABLE" | "CANCELLED" | "DEADLINE_EXCEEDED", what: string): void => {
      settle();
      reject(new QuipuError(code, what, { next: `read ${logFile}` }));
    };
    const timer = setTimeout(
      () => fail("DEADLINE_EXCEEDED", `the daemon was not ready within ${readyMsMax / 1000} s`),
      readyMsMax,
    );
    const onAbort = (): void => fail("CANCELLED", "interrupted while a daemon was starting");
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      lines.close();
    };
    signal.addEventListener("abort", onAbort);
    child.once("error", (error) =>
      fail("UNAVAILABLE", `the daemon could not be started: ${error.message}`),
    );
    child.once("exit", (code, by) =>
      fail("UNAVAILABLE", `the daemon ended at once (${by ?? `code ${code}`})`),
    );
    lines.once("line", (line) => {
      settle();
      resolve(JSON.parse(line) as Record<string, unknown>);
    });
  });
}

/** A daemon that cannot start logs its error; that says more than its exit code. */
async function reasonInLog(logFile: string, from: number): Promise<QuipuError | undefined> {
  const written = (await readFile(logFile)).subarray(from).toString("utf8");
  for (const line of written.trimEnd().split("\n").reverse()) {
    const error = errorIn(line);
    if (error !== undefined) return error;
  }
  return undefined;
}

function errorIn(line: string): QuipuError | undefined {
  try {
    const { error } = JSON.parse(line) as {
      error?: { code?: string; message?: string; next?: string };
    };
    if (error?.code === undefined || !isErrorCode(error.code)) return undefined;
    const next = error.next === undefined ? {} : { next: error.next };
    return new QuipuError(error.code, error.message ?? "", next);
  } catch {
    return undefined; // not a log record: some other program wrote it
  }
}

/** Asks a daemon to stop and waits; kills it when it does not. */
export async function stopDaemon(daemon: Daemon, graceMs = 10_000): Promise<void> {
  const { process: child } = daemon;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(timer);
}
