/**
 * Work in a process of its own, so that one that dies of a native fault or hangs is one result and not
 * the end of the run. A child takes one task at a time and answers it; after a fault another one goes
 * on with the rest.
 */
import { type ChildProcess, fork } from "node:child_process";
import { type ErrorCode, QuipuError } from "../../src/base/errors.js";

export interface ChildRunOptions {
  /** Compiled module that calls `serve`. */
  readonly module: URL;
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeFlags?: readonly string[];
  /** For one task. */
  readonly timeoutMs: number;
}

/** What a task came to: an answer, or how its process ended. */
export type Answer<Result> =
  | { readonly result: Result }
  | { readonly fault: string; readonly code?: ErrorCode };

export class ChildRun<Task, Result> {
  readonly #options: ChildRunOptions;
  #child: ChildProcess | undefined;

  constructor(options: ChildRunOptions) {
    this.#options = options;
  }

  /** One call at a time. */
  ask(task: Task): Promise<Answer<Result>> {
    this.#child ??= this.#start();
    const child = this.#child;
    const { timeoutMs } = this.#options;
    return new Promise((resolve) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        child.kill("SIGKILL");
      }, timeoutMs);
      const settle = (answer: Answer<Result>) => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve(answer);
      };
      child.once("message", (message) => settle(message as Answer<Result>));
      child.once("exit", (code, signal) => {
        this.#child = undefined;
        const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
        settle({ fault: late ? `no answer within ${timeoutMs} ms` : `its process died: ${end}` });
      });
      child.send({ task });
    });
  }

  end(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill();
    this.#child = undefined;
  }

  #start(): ChildProcess {
    const { module, environment, nodeFlags = [] } = this.#options;
    return fork(module, [], {
      env: { ...process.env, ...environment },
      execArgv: [...nodeFlags],
      serialization: "advanced",
    });
  }
}

/** The other side: answers each task in turn. */
export function serve<Task, Result>(work: (task: Task) => Promise<Result>): void {
  process.on("message", ({ task }: { task: Task }) => {
    void work(task)
      .then((result): Answer<Result> => ({ result }))
      .catch((thrown): Answer<Result> => {
        const { code, message } = QuipuError.from(thrown);
        return { fault: `${code}: ${message}`, code };
      })
      .then((answer) => process.send?.(answer));
  });
  process.on("disconnect", () => process.exit());
}
