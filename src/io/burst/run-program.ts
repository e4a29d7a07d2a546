/** Runs a program of somebody else's to its end, within a time and a size of what it says. */
import { spawn } from "node:child_process";
import { QuipuError } from "../../base/errors.js";

export interface ProgramOptions {
  /** All that it gets: ours may hold secrets that are not its business. */
  readonly environment: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs: number;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const outputBytesMax = 4 * 1024 * 1024;
/** Names of our environment that any program may see. */
const plainNames = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LC_ALL",
  "TMPDIR",
  "TZ",
  "LD_LIBRARY_PATH",
];

/** Our own environment without what is ours alone, and `more`. */
export function plainEnvironment(more: Readonly<Record<string, string>>): Record<string, string> {
  const plain = plainNames.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(plain), ...more };
}

/** Throws NOT_FOUND, DEADLINE_EXCEEDED or LIMIT_EXCEEDED; a code other than 0 is the caller's. */
export function runProgram(
  [program = "", ...args]: readonly string[],
  { environment, input = "", timeoutMs }: ProgramOptions,
): Promise<Ended> {
  const child = spawn(program, args, { env: environment, stdio: "pipe", detached: true });
  const said = { stdout: "", stderr: "" };
  return new Promise((resolve, reject) => {
    const giveUp = (error: QuipuError): void => {
      clearTimeout(timer);
      kill(child.pid);
      for (const stream of child.stdio) stream?.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      const text = `${program} did not end within ${timeoutMs / 1000} s`;
      giveUp(new QuipuError("DEADLINE_EXCEEDED", text));
    }, timeoutMs);
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        said[name] += chunk;
        if (said[name].length <= outputBytesMax) return;
        giveUp(
          new QuipuError("LIMIT_EXCEEDED", `${program} says more than ${outputBytesMax} bytes`),
        );
      });
    }
    child.once("error", (cause) => {
      giveUp(QuipuError.ofSystem(cause));
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, ...said });
    });
    child.stdin.on("error", () => {}); // it may end without having read all
    child.stdin.end(input);
  });
}

/** With all that it started. */
function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // it is gone
  }
}
