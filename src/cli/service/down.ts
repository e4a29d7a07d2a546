/** `quipu down`: stops the agent, then the coordinator, and says what was stopped. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { QuipuError } from "../../base/errors.js";
import { stateFolderHolder } from "../../io/store/state-folder.js";
import type { VerbAction } from "../context.js";

const stopMsMax = 15_000;

export const action: VerbAction = async (context) => {
  const stopped: string[] = [];
  for (const name of ["agent", "coordinator"] as const) {
    // Whoever holds the folder's lock, not whoever has a number that a file remembers.
    const state = join(context.paths.home, name);
    const pid = await stateFolderHolder(state);
    if (pid === undefined) continue;
    process.kill(pid, "SIGTERM");
    await released(state, pid, name);
    stopped.push(name);
    context.output.note(`${name} stopped`);
  }
  context.output.result({ stopped }, () => (stopped.length === 0 ? "nothing was up" : ""));
  return 0;
};

async function released(state: string, pid: number, name: string): Promise<void> {
  const deadline = performance.now() + stopMsMax;
  while ((await stateFolderHolder(state)) === pid) {
    if (performance.now() > deadline) {
      const text = `the ${name} (process ${pid}) did not stop in ${stopMsMax / 1000} s`;
      throw new QuipuError("DEADLINE_EXCEEDED", text, {
        next: `look at its log, then kill -9 ${pid}: nothing acknowledged is lost`,
      });
    }
    await delay(50);
  }
}
