/** Runs tests of the suite by name for a parent (child-run.ts). */
import { serve } from "./child-run.js";
import { type Outcome, runTest } from "./run-test.js";

export interface TestTask {
  readonly suite: string;
  readonly name: string;
}

serve<TestTask, Outcome>(({ suite, name }) => runTest(suite, name));
