/** `quipu job logs JOB`: what a job printed; JSON is one object a line. */
import type { VerbAction } from "../context.js";

export const action: VerbAction = async (context, { args, options }) => {
  const { jobs } = await context.coordinator();
  const request = { id: args[0] ?? "", follow: options.follow === true };
  for await (const { lines } of jobs.getJobLogs(request, { signal: context.signal })) {
    if (!context.output.heard) break; // a job may go on printing for days
    for (const line of lines) context.output.result({ line }, () => line);
  }
  return 0;
};
