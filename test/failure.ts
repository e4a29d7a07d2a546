/** The QuipuError that a promise rejects with; anything else fails the test that asked. */
import { QuipuError } from "../src/base/errors.js";

export async function failure(promise: Promise<unknown>): Promise<QuipuError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof QuipuError) return error;
  throw new Error(`expected a QuipuError, got ${String(error)}`);
}

/**
 * The same of work that is disturbed while it runs. A machine may be busy with other things until the work
 * is done and there is nothing left to disturb; then it begins anew.
 */
export async function failureInTime(attempt: () => Promise<unknown>): Promise<QuipuError> {
  for (;;) {
    const outcome = attempt();
    const isDone = await outcome.then(
      () => true,
      () => false,
    );
    if (!isDone) return failure(outcome);
  }
}
