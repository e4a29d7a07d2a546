/** Command lines, in this process and as their own: what a verb prints where, and how it ends. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { runProgram } from "../src/cli/program.js";
import { program } from "./real-fleet.js";

export class Sink extends Writable {
  text = "";
  readonly isTTY: boolean;

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Paths of an installation that keeps everything in one folder and starts nothing. */
export function pathsIn(folder: string) {
  return { packageRoot: folder, home: folder, coordinatorProgram: "none", agentProgram: "none" };
}

/** A command line of a user whose state is in `folder`. */
export async function runIn(folder: string, argv: readonly string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const code = await runProgram({
    argv,
    env: { QUIPU_HOME: folder },
    version: "1.2.3",
    signal: new AbortController().signal,
    stdout,
    stderr,
    paths: pathsIn(folder),
  });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** `quipu hash` as a command line for a process of its own. */
export const hash = (...args: string[]): string[] => [
  process.execPath,
  program("quipu"),
  "hash",
  ...args,
];

/** A process of its own in the folder; `input` is its standard input. */
export function executeIn(
  folder: string,
  command: readonly string[],
  input: string | Uint8Array = "",
) {
  const [file = "", ...args] = command;
  const { status, stdout, stderr } = spawnSync(file, args, { cwd: folder, input });
  return { code: status, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** False, or why a test that needs the tool is skipped. */
export function missingTool(tool: string): false | string {
  return spawnSync(tool, ["--version"]).error === undefined ? false : `no ${tool} here`;
}

/** By read calls, its own start-up too. */
export function readBytesOf({ pid }: { readonly pid?: number | undefined }): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0);
}
