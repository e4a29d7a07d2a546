/**
 * Supervises one worker process a device. A worker may hang, leak or crash: the device code and the
 * model parser live there so that this process does not. To stop a run is to kill its worker; a run
 * is over here only when the process has really gone, so a device is never used by two at once.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { QuipuError } from "../base/errors.js";
import { untilAbort } from "../base/until-abort.js";
import type { WorkerReply, WorkerRequest } from "../model/worker-message.js";
import type { RunnerHooks } from "./ports.js";
import { parseReply } from "./worker-reply.js";

export interface WorkerOptions {
  /** The compiled worker program; it gets its device as the first argument. */
  readonly workerPath: string;
  readonly device: string;
  /** How long a worker may take to open its device. */
  readonly readyMs?: number;
  /** The device is open, or (undefined) it cannot be opened until further notice. */
  readonly changed?: (facts: WorkerFacts | undefined) => void;
  /** A line that it wrote outside any run, or something that happened to it. */
  readonly observe: (text: string) => void;
}

export type WorkerFacts = Omit<Extract<WorkerReply, { kind: "ready" }>, "kind">;

export type WorkerDone = Extract<WorkerReply, { kind: "done" }>;

interface Job {
  readonly runId: string;
  readonly hooks: RunnerHooks;
  readonly resolve: (done: WorkerDone) => void;
  readonly reject: (error: unknown) => void;
}

/** CUDA may take seconds to come up on a cold machine. */
const readyMsDefault = 30_000;
const restartMsMin = 200;
const restartMsMax = 300_000;
/** After it died this often in a row outside any run, runs fail instead of waiting for it. */
const failuresMax = 3;
/**
 * What a process wrote is in its pipes when it ends, and is read as soon as this one gets to it; only
 * a child of its own that holds a pipe open makes the wait this long.
 */
const lastWordsMs = 1_000;
const lineLengthMax = 2_000;
const closeMs = 5_000;

export class Worker {
  readonly #options: WorkerOptions;
  #child: ChildProcess | undefined;
  #facts: WorkerFacts | undefined;
  #job: Job | undefined;
  /** Why the present child is being killed by us; undefined when it dies by itself. */
  #killedFor: unknown;
  #failures = 0;
  #lastLine = "";
  #restart: NodeJS.Timeout | undefined;
  #closed = false;
  #waiting: { resolve: (facts: WorkerFacts) => void; reject: (error: unknown) => void }[] = [];
  #onGone: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#spawn();
  }

  get device(): string {
    return this.#options.device;
  }

  /** What the device can do, as soon as a worker has opened it; WORKER_DIED when none can. */
  ready(): Promise<WorkerFacts> {
    if (this.#facts !== undefined) return Promise.resolve(this.#facts);
    if (this.#failures >= failuresMax) return Promise.reject(this.#cannotStart());
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /**
   * One run on the device. The caller holds the device's reservation, so there is never a second one.
   * An abort kills the worker; the promise settles when it has gone.
   */
  async run(request: WorkerRequest, hooks: RunnerHooks, signal: AbortSignal): Promise<WorkerDone> {
    await untilAbort(this.ready(), signal);
    signal.throwIfAborted();
    if (this.#job !== undefined) throw new QuipuError("INTERNAL", `${this.device} is in use`);
    const kill = (): void => this.#kill(signal.reason);
    try {
      return await new Promise<WorkerDone>((resolve, reject) => {
        this.#job = { runId: request.runId, hooks, resolve, reject };
        signal.addEventListener("abort", kill, { once: true });
        // A failed send means that the worker is dying; its end settles the run.
        this.#child?.send(request, (error) => error && this.#kill(error));
      });
    } finally {
      signal.removeEventListener("abort", kill);
      this.#job = undefined;
    }
  }

  /** Ends the process for good, and waits until it has gone, or cannot be made to go. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    const error = new QuipuError("CANCELLED", `the worker of ${this.device} was closed`);
    this.#failWaiting(error);
    if (this.#child === undefined) return;
    let late: NodeJS.Timeout | undefined;
    const gone = new Promise<void>((resolve) => {
      this.#onGone = resolve;
      // A process that is stuck inside a driver cannot be killed; an agent must end all the same.
      late = globalThis.setTimeout(() => {
        this.#options.observe(`the worker process of ${this.device} cannot be ended`);
        resolve();
      }, closeMs);
    });
    this.#kill(error);
    await gone;
    clearTimeout(late);
  }

  #spawn(): void {
    const child = fork(this.#options.workerPath, [this.device], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    this.#killedFor = undefined;
    const { readyMs = readyMsDefault } = this.#options;
    const late = globalThis.setTimeout(() => {
      this.#kill(new QuipuError("DEADLINE_EXCEEDED", `not ready within ${readyMs} ms`));
    }, readyMs);
    child.on("message", (message) => {
      clearTimeout(late);
      this.#heard(message);
    });
    let spawned = true;
    child.on("error", (error) => {
      // Either it could not be started, or it could not be killed or sent to: then exit follows.
      spawned = child.pid !== undefined;
      if (!spawned) this.#gone(error.message, late);
    });
    child.on("exit", (code, signal) => {
      if (!spawned) return;
      const how = signal === null ? `with status ${code}` : `by ${signal}`;
      const told = Promise.race([once(child, "close"), setTimeout(lastWordsMs)]);
      void told.then(() => this.#gone(how, late));
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null)
        createInterface({ input: stream }).on("line", (line) => this.#line(line));
    }
  }

  #heard(message: unknown): void {
    let reply: WorkerReply;
    try {
      reply = parseReply(message);
    } catch (error) {
      this.#kill(error);
      return;
    }
    if (reply.kind === "ready") {
      const { kind: _, ...facts } = reply;
      this.#facts = facts;
      for (const waiting of this.#waiting.splice(0)) waiting.resolve(facts);
      this.#options.changed?.(facts);
      return;
    }
    // A killed worker's last words count for nothing; those of an earlier run neither.
    const job = this.#job;
    if (job === undefined || job.runId !== reply.runId || this.#killedFor !== undefined) return;
    if (reply.kind === "progress") {
      job.hooks.progress(reply.progress, reply.activity);
      return;
    }
    this.#failures = 0;
    if (reply.kind === "done") job.resolve(reply);
    if (reply.kind === "failed") {
      const { code, message: text, next } = reply.error;
      job.reject(new QuipuError(code, text, next === undefined ? {} : { next }));
    }
  }

  #gone(how: string, late: NodeJS.Timeout): void {
    clearTimeout(late);
    this.#child = undefined;
    this.#facts = undefined;
    const cause = this.#killedFor;
    const ended = `the worker process of ${this.device} ended ${how}`;
    this.#options.observe(ended);
    if (this.#job === undefined && !this.#closed) {
      this.#failures += 1;
      if (cause instanceof QuipuError) this.#lastLine = cause.message;
    }
    const died = new QuipuError("WORKER_DIED", this.#explain(ended), { next: "run the job again" });
    this.#job?.reject(cause instanceof QuipuError ? cause : died);
    this.#onGone?.();
    if (this.#closed) return;
    if (this.#failures >= failuresMax) {
      this.#failWaiting(this.#cannotStart());
      this.#options.changed?.(undefined);
    }
    const delayMs = Math.min(restartMsMax, restartMsMin * 2 ** this.#failures);
    this.#restart = globalThis.setTimeout(() => this.#spawn(), delayMs);
  }

  #kill(reason: unknown): void {
    this.#killedFor ??= reason;
    this.#child?.kill("SIGKILL");
  }

  #line(line: string): void {
    const short = line.slice(0, lineLengthMax);
    this.#lastLine = short;
    if (this.#job === undefined) this.#options.observe(short);
    else this.#job.hooks.log(short);
  }

  #cannotStart(): QuipuError {
    return new QuipuError("WORKER_DIED", this.#explain(`no worker of ${this.device} can start`), {
      next: "run quipu doctor on this host",
    });
  }

  #explain(what: string): string {
    return this.#lastLine === "" ? what : `${what}; its last words: ${this.#lastLine}`;
  }

  #failWaiting(error: QuipuError): void {
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}
