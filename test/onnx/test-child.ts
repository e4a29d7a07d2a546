/** Runs tests of the suite by name for a parent (child-run.ts). */
import { serve } from "./child-run.js";
import { type Outcome, runTest } from "./run-test.js";

export interface TestTask {
  readonly suite: string;
  readonly name: string;
  readonly compileOnly: boolean;
}

serve<TestTask, Outcome>(({ suite, name, compileOnly }) => runTest(suite, name, compileOnly));
