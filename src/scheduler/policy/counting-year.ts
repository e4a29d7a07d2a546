/** The year in which a law counts people: it begins where its country is, not where the clock is. */
const hoursAhead: Readonly<Record<string, number>> = { CN: 8 };

export function countingYear(origin: string, atMs: number): number {
  return new Date(atMs + (hoursAhead[origin] ?? 0) * 3_600_000).getUTCFullYear();
}
