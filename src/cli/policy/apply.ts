/** `quipu policy apply FILE…`: puts a set in force for every decision from now on. */
import { loadPolicy } from "../../scheduler/policy/engine.js";
import type { VerbAction } from "../context.js";
import { shortDigest } from "../table.js";
import { readPolicyFiles } from "./policy-folder.js";

export const action: VerbAction = async (context, { args }) => {
  const files = await readPolicyFiles(args);
  const { rules } = loadPolicy(files); // here first, where every fault can be shown
  const { policies } = await context.coordinator();
  const { digest, digestBefore } = await policies.applyPolicy({
    files: Object.entries(files).map(([name, text]) => ({ name, text })),
  });
  context.output.result({ digest, digestBefore, rules: [...rules.keys()] }, () =>
    digest === digestBefore
      ? `${digest} was in force already`
      : `${digest} is in force: ${rules.size} rules; before, ${shortDigest(digestBefore)}`,
  );
  return 0;
};
