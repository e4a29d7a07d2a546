/** The policy set that decides: of files that somebody named, else the running coordinator's. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { timestamp } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import { loadPolicy, type PolicyEngine } from "../../scheduler/policy/engine.js";
import type { Context, Invocation } from "../context.js";
import { readPolicyFiles } from "./policy-folder.js";

export interface ChosenPolicy {
  readonly policy: PolicyEngine;
  /** Since when it is in force; null for files. */
  readonly since: string | null;
}

export async function chosenPolicy(
  context: Context,
  { options }: Pick<Invocation, "options">,
): Promise<ChosenPolicy> {
  const named = (options.policy ?? []) as readonly string[];
  if (named.length > 0) return { policy: loadPolicy(await readPolicyFiles(named)), since: null };
  const { policies } = await context.coordinator();
  const { digest, files, since } = await policies.getPolicy({});
  const policy = loadPolicy(Object.fromEntries(files.map(({ name, text }) => [name, text])));
  if (policy.digest === digest) {
    return { policy, since: since === undefined ? null : timestamp(timestampMs(since)) };
  }
  throw new QuipuError("CONFLICT", "the coordinator reads the same policy files otherwise", {
    next: "use the command line of the coordinator's version",
    details: { coordinator: digest, here: policy.digest },
  });
}
