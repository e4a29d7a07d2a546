/** Waiting that an AbortSignal can end. */
import { QuipuError } from "./errors.js";

/** Waits for a promise, or throws the signal's reason as soon as it aborts. */
export function untilAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    const settled = (): void => signal.removeEventListener("abort", onAbort);
    promise.then(resolve, reject).finally(settled);
  });
}

/** The items of a source until the signal aborts, even while the source is silent. */
export async function* eachUntilAbort<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let done = false;
  try {
    for (;;) {
      const step = await untilAbort(iterator.next(), signal);
      done = step.done === true;
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    // A silent source is told, not waited for.
    if (!done) iterator.return?.().catch(() => undefined);
  }
}

/** What an aborted call throws: the reason where it is ours, else what the reason comes to. */
export function abortError(signal: AbortSignal, what: string): QuipuError {
  const reason: unknown = signal.reason;
  if (reason instanceof QuipuError) return reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return new QuipuError("DEADLINE_EXCEEDED", `${what} took too long`, { cause: reason });
  }
  return new QuipuError("CANCELLED", `${what} was cancelled by its caller`, { cause: reason });
}
