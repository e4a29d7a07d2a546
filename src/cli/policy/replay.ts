/** `quipu replay --policy FILE… [--since T]`: which past runs would these rules refuse? */
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { timestamp } from "../../base/clock.js";
import { errorCodes, QuipuError } from "../../base/errors.js";
import type { RefusedRun } from "../../gen/quipu/v1/policy_pb.js";
import type { VerbAction } from "../context.js";
import { timeOf } from "../time-option.js";
import { readPolicyFiles } from "./policy-folder.js";

export const action: VerbAction = async (context, { options }) => {
  const named = (options.policy ?? []) as readonly string[];
  if (named.length === 0) {
    throw new QuipuError(
      "USAGE",
      "no policy was named: past runs were lawful by the set of their time",
      {
        next: "quipu replay --policy FILE",
      },
    );
  }
  const since = timeOf("since", options.since);
  const files = await readPolicyFiles(named);
  const { policies } = await context.coordinator();
  const refused: ReturnType<typeof refusedView>[] = [];
  let runs = 0;
  let unread = 0;
  let digest = "";
  for await (const page of policies.replayRuns({
    files: Object.entries(files).map(([name, text]) => ({ name, text })),
    ...(since === undefined ? {} : { since: timestampFromMs(since) }),
  })) {
    digest = page.digest;
    runs += Number(page.runs);
    unread += Number(page.unread);
    refused.push(...page.refused.map(refusedView));
  }
  context.output.table(
    { digest, runs, unread, refused },
    refused,
    [
      { title: "RUN", cell: (run) => run.runId },
      { title: "JOB", cell: (run) => `${run.jobId} ${run.jobName}` },
      { title: "GRANTED", cell: (run) => run.grantedAt },
      { title: "HOST", cell: (run) => `${run.host} (${run.country})` },
      { title: "RULE", cell: (run) => run.rule },
      { title: "SAYS", cell: (run) => run.text },
    ],
    `none of ${runs - unread} runs would be refused${unread > 0 ? `; of ${unread} more the records do not say enough` : ""}`,
  );
  return refused.length === 0 ? 0 : errorCodes.REFUSED_BY_POLICY.exit;
};

function refusedView(run: RefusedRun) {
  const { runId, jobId, jobName, host, country, grantedAt, rule, text, law } = run;
  const at = grantedAt === undefined ? "" : timestamp(timestampMs(grantedAt));
  const basis = law === "" ? {} : { law };
  return { runId, jobId, jobName, host, country, grantedAt: at, rule, text, ...basis };
}
