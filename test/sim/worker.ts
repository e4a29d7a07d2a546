/** A process that plays the seeds it is given, one after another, and says what came of each. */
import { digestOf } from "../../src/base/bytes.js";
import { type SimReport, simulate } from "./simulate.js";
import type { Canary } from "./world.js";

export interface SeedAsked {
  readonly seed: number;
  readonly canary: Canary | undefined;
  /** Whether the report is to hold all events. */
  readonly withTrace: boolean;
}

export interface SeedReport extends SimReport {
  /** Of the events, also where the report does not hold them. */
  readonly traceDigest: string;
}

export async function playSeed({ seed, canary, withTrace }: SeedAsked): Promise<SeedReport> {
  const report = await simulate(seed, canary);
  const traceDigest = digestOf(new TextEncoder().encode(report.trace.join("\n")));
  return { ...report, trace: withTrace ? report.trace : [], traceDigest };
}

if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  process.on("message", (asked: SeedAsked) => {
    void playSeed(asked).then((report) => process.send?.(report));
  });
  process.on("SIGINT", () => undefined); // whoever asks hears of it too, and ends
  process.on("disconnect", () => process.exit()); // whoever asks is gone
}
