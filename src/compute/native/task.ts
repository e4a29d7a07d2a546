/** Native work off the event loop: how it is stopped, and how far it is. */
import { QuipuError } from "../../base/errors.js";
import { abortError } from "../../base/until-abort.js";
import type { TaskControl } from "./binding.js";

export interface TaskOptions {
  /** Aborted: the call fails with CANCELLED, or DEADLINE_EXCEEDED after `AbortSignal.timeout`. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then while the work goes on, and once at its end. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

const progressEveryMs = 100;

/** Runs a native task; `what` names it in errors. */
export async function runTask<T>(
  { signal, onProgress }: TaskOptions,
  totalBytes: number,
  what: string,
  start: (control: TaskControl) => Promise<T>,
): Promise<T> {
  if (signal?.aborted === true) throw abortError(signal, what);
  const control = new BigInt64Array(2);
  const stop = (): void => {
    Atomics.store(control, 0, 1n);
  };
  signal?.addEventListener("abort", stop, { once: true });
  const report = (): void => {
    onProgress?.(Math.min(Number(Atomics.load(control, 1)), totalBytes), totalBytes);
  };
  const timer = onProgress === undefined ? undefined : setInterval(report, progressEveryMs);
  try {
    const result = await start(control);
    report();
    return result;
  } catch (thrown) {
    if (signal === undefined || !isCancelled(thrown)) throw thrown;
    throw abortError(signal, what);
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** Tasks are stopped by their signal, or by the end of their environment. */
function isCancelled(thrown: unknown): boolean {
  return thrown instanceof QuipuError && thrown.code === "CANCELLED";
}
