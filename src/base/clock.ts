/**
 * Time as an argument. Two clocks, never mixed: `wallMs` stamps what people read and may jump;
 * `bootMs` only goes forward, counts while the machine sleeps, and is the only clock a lease uses.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start of this boot. */
  bootMs(): number;
}

export const dayMs = 24 * 3_600_000;

/** RFC 3339 text of a wall-clock time, as receipts and JSON carry it. */
export function timestamp(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
