/** Every fault at every durable step of the log's writer; `count` bounds how many are tried. */
import { crashesMissing, faults, LogCrashes } from "../log-crashes.js";

export async function logCrashes(
  count: number,
  _seed: number,
  tell: (done: number) => void,
): Promise<void> {
  const missing = crashesMissing();
  if (missing !== undefined) {
    console.log(`SKIPPED: ${missing}`);
    return;
  }
  const crashes = new LogCrashes();
  try {
    const steps = await crashes.steps();
    const struck = new Set<string>();
    let done = 0;
    for (const fault of faults) {
      for (const step of steps) {
        if (done === count) break;
        const { struck: kind, problems } = await crashes.strike(step, fault);
        if (problems.length > 0) {
          throw new Error(`${fault} at ${step.kind} ${step.occurrence}: ${problems.join("; ")}`);
        }
        if (kind !== undefined) struck.add(`${kind} ${fault}`);
        done += 1;
        tell(done);
      }
    }
    const kinds = new Set(steps.map(({ kind }) => kind)).size;
    console.log(`log-crashes: ${done} faults at ${steps.length} steps of ${kinds} kinds`);
    const missed = kinds * faults.length - struck.size;
    if (done < count && missed > 0) throw new Error(`${missed} kinds of fault struck nothing`);
  } finally {
    crashes.close();
  }
}
