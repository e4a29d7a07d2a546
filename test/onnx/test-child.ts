/** Runs tests of the suite by name for a parent (child-run.ts). */
import { serve } from "./child-run.js";
import { type Outcome, runTest, type Way } from "./run-test.js";

export interface TestTask {
  readonly suite: string;
  readonly name: string;
  readonly way: Way;
}

serve<TestTask, Outcome>(({ suite, name, way }) => runTest(suite, name, way));
