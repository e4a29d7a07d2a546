/** `quipu down`: stops the agent, then the coordinator, and says what was stopped. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { QuipuError } from "../../base/errors.js";
import type { VerbAction } from "../context.js";
import { readEndpoints } from "../coordinator-link.js";
import { isAlive } from "./process.js";

const stopMsMax = 15_000;

export const action: VerbAction = async (context) => {
  const stopped: string[] = [];
  for (const name of ["agent", "coordinator"] as const) {
    const endpoints = await readEndpoints(join(context.paths.home, name));
    if (endpoints === undefined || !isAlive(endpoints.pid)) continue;
    process.kill(endpoints.pid, "SIGTERM");
    await ended(endpoints.pid, name);
    stopped.push(name);
    context.output.note(`${name} stopped`);
  }
  context.output.result({ stopped }, () => (stopped.length === 0 ? "nothing was up" : ""));
  return 0;
};

async function ended(pid: number, name: string): Promise<void> {
  const deadline = performance.now() + stopMsMax;
  while (isAlive(pid)) {
    if (performance.now() > deadline) {
      throw new QuipuError(
        "DEADLINE_EXCEEDED",
        `the ${name} (process ${pid}) did not stop in ${stopMsMax / 1000} s`,
        {
          next: `look at its log, then kill -9 ${pid}: nothing acknowledged is lost`,
        },
      );
    }
    await delay(50);
  }
}
