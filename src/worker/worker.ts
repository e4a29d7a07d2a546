/**
 * One device's process. It parses models and data that strangers made and calls device code, so that
 * the agent does not; it keeps nothing that a kill could lose: outputs count only once `done` is said.
 *
 * When a CUDA device is lost or too small in mid-run, the run is done again from the host's inputs on
 * the CPU, in canonical arithmetic: the same bits, unless it was a fast run, and the result names the
 * backend and the determinism of what really ran. A lost device is not
 * trusted again by this process: it ends after its answer and the agent starts another.
 */
import { QuipuError } from "../base/errors.js";
import { runTensorTask, type TensorTaskDone } from "../compute/engine/task.js";
import { type Capabilities, capabilities } from "../compute/native/capabilities.js";
import type { Backend } from "../compute/native/program.js";
import { canonicalTask } from "../model/job.js";
import { isCheck } from "../model/product-check.js";
import type { WorkerReply, WorkerRequest } from "../model/worker-message.js";
import { checkClaim } from "./check-claim.js";

export interface WorkerPort {
  send(reply: WorkerReply): void;
  /** Ends the process when everything sent has left it. */
  close(): void;
  /** User and system time of this process so far. */
  cpuMs(): number;
}

/** What tests replace: real devices are seldom lost when asked to. */
export interface WorkerParts {
  readonly compute: typeof runTensorTask;
  /** Best first. */
  readonly backends: readonly Exclude<Backend, "auto">[];
}

export class Worker {
  readonly #device: string;
  readonly #port: WorkerPort;
  readonly #compute: WorkerParts["compute"];
  readonly #backends: WorkerParts["backends"];
  #running = false;

  /** Opens the device and says so; BACKEND_UNAVAILABLE when the device cannot be used. */
  constructor(device: string, port: WorkerPort, parts: Partial<WorkerParts> = {}) {
    this.#device = device;
    this.#port = port;
    this.#compute = parts.compute ?? runTensorTask;
    const { backends } = parts;
    const facts = backends === undefined ? openDevice(device) : { backends };
    this.#backends = facts.backends;
    port.send({ kind: "ready", device, ...facts });
  }

  /** Answers each request exactly once. */
  async take(request: WorkerRequest): Promise<void> {
    const { runId } = request;
    if (this.#running) {
      const error = new QuipuError("CONFLICT", `${this.#device} already computes a run`);
      this.#port.send({ kind: "failed", runId, error: error.toJSON() });
      return;
    }
    this.#running = true;
    const before = this.#port.cpuMs();
    let lost = false;
    try {
      const { done, deviceLost } = await this.#run(request);
      lost = deviceLost;
      const cpuMs = this.#port.cpuMs() - before;
      this.#port.send({ kind: "done", runId, cpuMs, ...done });
    } catch (thrown) {
      const error = QuipuError.from(thrown);
      lost = error.code === "DEVICE_LOST";
      this.#port.send({ kind: "failed", runId, error: error.toJSON() });
    } finally {
      this.#running = false;
    }
    if (lost) this.#port.close();
  }

  async #run(request: WorkerRequest): Promise<{ done: TensorTaskDone; deviceLost: boolean }> {
    const { runId, kind, claimedPath, ...files } = request;
    if (kind !== "run") throw new QuipuError("INTERNAL", `unknown request ${String(kind)}`);
    const onProgress = (progress: number, activity: string): void =>
      this.#port.send({ kind: "progress", runId, progress, activity });
    if (isCheck(files.task)) {
      const { task } = files;
      const done = await checkClaim({ ...files, task, claimedPath, onProgress });
      return { done, deviceLost: false };
    }
    const first = this.#firstChoice(request);
    try {
      const done = await this.#compute({ ...files, backend: first, onProgress });
      return { done, deviceLost: false };
    } catch (thrown) {
      const { code } = QuipuError.from(thrown);
      const mayMove = request.task.backend === "auto" && first === "cuda";
      if (!mayMove || (code !== "DEVICE_LOST" && code !== "DEVICE_MEMORY")) throw thrown;
      onProgress(0, `${this.#device} failed (${code}); computing on the CPU`);
      const backend = this.#backends.find((name) => name !== "cuda") ?? "portable";
      const task = canonicalTask(request.task);
      const done = await this.#compute({ ...files, task, backend, onProgress });
      return { done, deviceLost: code === "DEVICE_LOST" };
    }
  }

  /** Backend for tasks that leave it open. */
  #firstChoice({ task }: WorkerRequest): Backend {
    if (this.#device !== "cpu") return "cuda";
    if (task.backend === "cuda") {
      throw new QuipuError("BACKEND_UNAVAILABLE", "backend cuda cannot run on the device cpu", {
        next: "ask for a cuda device in the job's resources, or leave the backend open",
      });
    }
    return "auto";
  }
}

interface DeviceFacts {
  /** Best first. */
  readonly backends: readonly Exclude<Backend, "auto">[];
  /** Of a GPU; the agent knows those of the processor. */
  readonly model?: string;
  readonly memoryBytes?: number;
  readonly computeCapability?: string;
}

function openDevice(device: string): DeviceFacts {
  if (device === "cpu") {
    // No device call: a sick GPU must not hang the worker of the CPU.
    return { backends: cpuBackends(capabilities({ probeCuda: false })) };
  }
  if (device !== "cuda:0") {
    throw new QuipuError("BACKEND_UNAVAILABLE", `no device ${device}; there are cpu and cuda:0`);
  }
  const facts = capabilities({ probeCuda: true });
  const [gpu] = facts.cuda.devices;
  if (facts.cuda.usable && gpu !== undefined) {
    const backends = ["cuda", ...cpuBackends(facts)] as const;
    const { name: model, memoryBytes, computeCapability } = gpu;
    return { backends, model, memoryBytes, computeCapability };
  }
  throw new QuipuError("BACKEND_UNAVAILABLE", `${device} cannot be used: ${facts.cuda.reason}`, {
    next: "run quipu doctor on this host",
  });
}

function cpuBackends(facts: Capabilities): readonly Exclude<Backend, "auto">[] {
  return facts.backends.filter((name) => name !== "cuda");
}
