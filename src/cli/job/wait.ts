/** `quipu job wait JOB`: waits until a job ends and exits with its code. */
import type { VerbAction } from "../context.js";
import { exitOfAll, followJobs } from "./follow.js";

export const action: VerbAction = async (context, { args }) => {
  const ended = await followJobs(context, args);
  const exit = exitOfAll(ended);
  context.output.result({ jobs: ended, exit }, () => "");
  return exit.code;
};
