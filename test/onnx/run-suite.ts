/** Runs tests of the suite one by one, crash or no crash. */
import { ChildRun } from "./child-run.js";
import type { Outcome, Way } from "./run-test.js";
import type { TestTask } from "./test-child.js";

const testMsMax = 60_000;

export async function* runTests(
  suite: string,
  names: readonly string[],
  way: Way = "engine",
): AsyncGenerator<Outcome, void> {
  const child = new ChildRun<TestTask, Outcome>({
    module: new URL("./test-child.js", import.meta.url),
    timeoutMs: testMsMax,
  });
  try {
    for (const name of names) {
      const answer = await child.ask({ suite, name, way });
      if ("result" in answer) yield answer.result;
      else yield { name, verdict: "failed", why: answer.fault, ms: 0 };
    }
  } finally {
    child.end();
  }
}
