/**
 * Standard output that loses nothing in silence. A reader that has seen enough (`| head`) is no fault: the
 * rest is dropped, and the command ends with the code that it would have had. A full disk is one.
 */
import { fstatSync, writeFileSync } from "node:fs";
import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { QuipuError } from "../base/errors.js";

/** `onFailure` is told of each write that failed. */
export function standardOutput(onFailure: (error: QuipuError) => void): Writable {
  const stream: Writable = fstatSync(1).isFile() ? new FileOutput() : process.stdout;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") onFailure(explain(error));
  });
  return stream;
}

/** Node's own stream for files takes a write that was cut short for a whole one. */
class FileOutput extends Writable {
  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    try {
      writeFileSync(1, chunk);
      done();
    } catch (thrown) {
      done(thrown as Error);
    }
  }
}

function explain(cause: Error): QuipuError {
  const { code, message } = QuipuError.ofSystem(cause);
  return new QuipuError(code, `cannot write to standard output: ${message}`, {
    next: "what was written is not whole: make room for it and run the command again",
    cause,
  });
}

/** Resolves once every write has succeeded, or has failed and was told. */
export async function settled(stream: Writable): Promise<void> {
  if (stream.writableLength > 0) await new Promise((resolve) => stream.write("", resolve));
  await nextTurn();
}
