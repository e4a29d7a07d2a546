/**
 * Who brings pilots up: one interface over processes here, a batch system, and whatever a script can
 * drive. A provider keeps no books of its own: it finds what it started by the pilot's id.
 */
import { QuipuError } from "../../base/errors.js";

export interface PilotOrder {
  readonly id: string;
  /** From now on; what still runs then may be killed. */
  readonly lifetimeMs: number;
  /** All that the pilot's agent has to be told, its token too: never to be put on a command line. */
  readonly environment: Readonly<Record<string, string>>;
}

export type Seen = "pending" | "running";

export interface Provider {
  /**
   * Resolves when the order is taken. The same id again starts nothing more. Throws LIMIT_EXCEEDED
   * where there is no quota or no capacity. After any error it may be under way all the same.
   */
  start(order: PilotOrder): Promise<void>;
  /** Everything of this fleet that has not ended, by id; also what nobody here remembers. */
  status(): Promise<ReadonlyMap<string, Seen>>;
  /** Asks for its end; what is not there is no error. To be called until `status` lists it no more. */
  stop(id: string): Promise<void>;
}

const idPattern = /^pilot-[0-9a-z]{16}$/;

/** Ids become parts of file names and job names, and come back from programs. */
export function isPilotId(text: string): boolean {
  return idPattern.test(text);
}

export function checkPilotId(id: string): string {
  if (isPilotId(id)) return id;
  throw new QuipuError("INVALID_ARGUMENT", `"${id.slice(0, 40)}" is not the id of a pilot`);
}
