/** Native work off the event loop: how it is stopped, and how far it is. */
import { QuipuError } from "../../base/errors.js";
import { abortError } from "../../base/until-abort.js";
import type { TaskControl } from "./binding.js";

export interface TaskOptions {
  /** Aborted: the call fails with CANCELLED, or DEADLINE_EXCEEDED after `AbortSignal.timeout`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called now and then while the work goes on, and once when it is done, with bytes of a hash or operators
   * of a program. If it throws, the work is stopped and the call rejects with what was thrown; thrown by
   * the last call, the work has been done all the same.
   */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const progressEveryMs = 100;

/** Runs a native task; `what` names it in errors. */
export async function runTask<T>(
  { signal, onProgress }: TaskOptions,
  total: number,
  what: string,
  start: (control: TaskControl) => Promise<T>,
): Promise<T> {
  if (signal?.aborted === true) throw abortError(signal, what);
  const control = new BigInt64Array(2);
  const stop = (): void => {
    Atomics.store(control, 0, 1n);
  };
  signal?.addEventListener("abort", stop, { once: true });
  const thrownByCallback: unknown[] = [];
  const report = (): void => {
    if (thrownByCallback.length > 0) return;
    try {
      onProgress?.(Math.min(Number(Atomics.load(control, 1)), total), total);
    } catch (thrown) {
      thrownByCallback.push(thrown);
      stop();
    }
  };
  const timer = onProgress === undefined ? undefined : setInterval(report, progressEveryMs);
  try {
    const result = await start(control);
    report();
    if (thrownByCallback.length > 0) throw thrownByCallback[0];
    return result;
  } catch (thrown) {
    if (thrownByCallback.length > 0) throw thrownByCallback[0];
    if (signal === undefined || !isCancelled(thrown)) throw thrown;
    throw abortError(signal, what);
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** Runs a native call that cannot be stopped once it has begun, nor say how far it is. */
export function runWhole<T>(
  options: TaskOptions,
  total: number,
  what: string,
  start: () => T | Promise<T>,
): Promise<T> {
  return runTask(options, total, what, async (control) => {
    const result = await start();
    Atomics.store(control, 1, BigInt(total));
    return result;
  });
}

/** Tasks are stopped by their signal, or by the end of their environment. */
function isCancelled(thrown: unknown): boolean {
  return thrown instanceof QuipuError && thrown.code === "CANCELLED";
}
