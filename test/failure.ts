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
