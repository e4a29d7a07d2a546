/**
 * Keeps one GPU helper process and its latest answer. Nothing here waits: each tick sends a question
 * or looks at how long the last one has been open. A helper that does not answer is killed; the next
 * one starts only when it has really ended, because a process that is stuck inside the driver cannot
 * be killed and would only gather company.
 */
import { type ChildProcess, fork } from "node:child_process";
import type { CollectorFault, GpuSample } from "../../model/telemetry.js";
import { faultText, staleMsMax } from "./collector.js";
import type { GpuReply, GpuRequest } from "./gpu-message.js";

export interface GpuTimes {
  /** The first answer includes loading the library and waking the devices. */
  readonly firstReplyMs: number;
  readonly replyMs: number;
  readonly restartMsMin: number;
  readonly restartMsMax: number;
}

export const gpuTimes: GpuTimes = Object.freeze({
  firstReplyMs: 30_000,
  replyMs: 5_000,
  restartMsMin: 1_000,
  restartMsMax: 60_000,
});

export interface GpuReading {
  readonly gpus: readonly GpuSample[];
  readonly fault?: CollectorFault;
}

export class GpuWatch {
  readonly #path: string;
  readonly #times: GpuTimes;
  #child: ChildProcess | undefined;
  #answered = false;
  #killed = false;
  #askedAtMs: number | undefined;
  #startAtMs = Number.NEGATIVE_INFINITY;
  #restartMs: number;
  #nowMs = 0;
  #last: { readonly gpus: readonly GpuSample[]; readonly bootMs: number } | undefined;
  #failure: string | undefined;
  /** Set once and for all: this host has no such driver, or the watch is closed. */
  #over = false;

  constructor(helperPath: string, times: GpuTimes = gpuTimes) {
    this.#path = helperPath;
    this.#times = times;
    this.#restartMs = times.restartMsMin;
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#over) return;
    if (this.#child === undefined) {
      if (nowMs < this.#startAtMs) return;
      this.#child = this.#start();
    }
    if (this.#killed) return;
    if (this.#askedAtMs === undefined) {
      this.#askedAtMs = nowMs;
      this.#child.send({ kind: "read" } satisfies GpuRequest, this.#sent);
      return;
    }
    const patienceMs = this.#answered ? this.#times.replyMs : this.#times.firstReplyMs;
    if (nowMs - this.#askedAtMs < patienceMs) return;
    this.#failure = `${this.#silence(nowMs)}; its helper is stopped`;
    this.#killed = true;
    this.#child.kill("SIGKILL");
  }

  reading(nowMs: number): GpuReading {
    const last = this.#last;
    const fresh = last !== undefined && nowMs - last.bootMs <= staleMsMax;
    const gpus = fresh ? last.gpus : [];
    const why = this.#failure ?? this.#silence(nowMs);
    if (why === undefined) return { gpus };
    const text = faultText(last?.bootMs, nowMs, why);
    return { gpus, fault: { collector: "gpus", text } };
  }

  /** A question of an earlier tick is still open: what is shown grows old, and is said to. */
  #silence(nowMs: number): string | undefined {
    if (this.#askedAtMs === undefined || nowMs <= this.#askedAtMs) return undefined;
    const seconds = ((nowMs - this.#askedAtMs) / 1000).toFixed(1);
    return `the GPU driver has not answered for ${seconds} s`;
  }

  close(): void {
    this.#over = true;
    this.#child?.kill("SIGKILL");
  }

  #start(): ChildProcess {
    this.#answered = false;
    this.#killed = false;
    this.#askedAtMs = undefined;
    const child = fork(this.#path, [], {
      execArgv: [],
      serialization: "advanced", // JSON has no NaN, and NaN is how a device says "not known"
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    child.on("message", (reply: GpuReply) => this.#heard(reply));
    // A channel that broke, or a process that never started; an exit follows only in some cases.
    child.on("error", (error) => {
      this.#failure = `the GPU helper failed: ${error.message}`;
      if (child.pid === undefined) this.#ended();
    });
    child.on("exit", (code, signal) => {
      if (!this.#killed && !this.#over) {
        this.#failure = `the GPU helper ended (${signal ?? `exit code ${code}`})`;
      }
      this.#ended();
    });
    child.unref();
    child.channel?.unref();
    return child;
  }

  /** A question that cannot be sent counts as one that is not answered. */
  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#failure = `the GPU helper cannot be asked: ${error.message}`;
  };

  #heard(reply: GpuReply): void {
    if (this.#killed) return;
    this.#answered = true;
    this.#askedAtMs = undefined;
    if (reply.kind === "absent") {
      this.#over = true;
      this.#failure = undefined;
    } else if (reply.kind === "failed") {
      this.#failure = reply.text;
    } else {
      this.#failure = undefined;
      this.#restartMs = this.#times.restartMsMin;
      this.#last = { gpus: reply.gpus, bootMs: this.#nowMs };
    }
  }

  #ended(): void {
    this.#child = undefined;
    this.#startAtMs = this.#nowMs + this.#restartMs;
    this.#restartMs = Math.min(this.#restartMs * 2, this.#times.restartMsMax);
  }
}
