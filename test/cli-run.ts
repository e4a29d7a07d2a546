/** Command lines in this process: what a verb prints where, and how it ends. */
import { Writable } from "node:stream";
import { runProgram } from "../src/cli/program.js";

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
