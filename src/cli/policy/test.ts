/** `quipu policy test FILE…`: puts cases before the rules; fails where they answer otherwise. */
import { errorCodes } from "../../base/errors.js";
import type { VerbAction } from "../context.js";
import { runCases } from "./case-file.js";
import { chosenPolicy } from "./set-in-force.js";

export const action: VerbAction = async (context, invocation) => {
  const { policy } = await chosenPolicy(context, invocation);
  const { output } = context;
  const cases = [];
  for (const file of invocation.args) {
    cases.push(...(await runCases(file, policy)).map((one) => ({ file, ...one })));
  }
  const failed = cases.filter(({ passed }) => !passed);
  const passed = cases.length - failed.length;
  output.result({ digest: policy.digest, passed, failed: failed.length, cases }, () => {
    const shown = failed.map(
      ({ file, name, expected, found, text }) =>
        `${output.style("red", "FAILED")}  ${file}: ${name}: expected ${expected}, found ${found}. ${text}`,
    );
    return [...shown, `${passed} of ${cases.length} cases passed`].join("\n");
  });
  return failed.length === 0 ? 0 : errorCodes.VERIFICATION_FAILED.exit;
};
