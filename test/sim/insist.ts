/** Asks a coordinator until there is an answer: a question may be lost with the one that heard it. */
import { QuipuError } from "../../src/base/errors.js";
import type { Core } from "../../src/coordinator/core.js";
import type { CoordinatorNode } from "./coordinator-node.js";
import type { World } from "./world.js";

const patienceMs = 3_000;

export async function insist<T>(
  { time, chance }: World,
  coordinator: CoordinatorNode,
  ask: (core: Core) => Promise<T>,
): Promise<T> {
  for (;;) {
    const core = coordinator.running?.core;
    if (core !== undefined) {
      try {
        const late = time.delay(patienceMs).then(() => undefined);
        const answer = await Promise.race([ask(core).then((value) => ({ value })), late]);
        if (answer !== undefined) return answer.value;
      } catch (thrown) {
        if (QuipuError.from(thrown).kind !== "retryable") throw thrown;
      }
    }
    await time.delay(chance.between(50, 1_000));
  }
}
