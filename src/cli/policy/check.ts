/** `quipu policy check FILE…`: are these files a policy set? All faults at once; asks no coordinator. */
import { loadPolicy } from "../../scheduler/policy/engine.js";
import type { VerbAction } from "../context.js";
import { readPolicyFiles } from "./policy-folder.js";

export const action: VerbAction = async (context, { args }) => {
  const files = await readPolicyFiles(args);
  const { digest, rules } = loadPolicy(files);
  const names = Object.keys(files).sort();
  context.output.result(
    { digest, files: names, rules: [...rules.keys()] },
    () => `${digest}  ${rules.size} rules in ${names.length} files`,
  );
  return 0;
};
