/** `quipu log fork FILE --key VKEY`: checks a proof that a log forked, trusting nobody but arithmetic. */
import { readFile } from "node:fs/promises";
import { QuipuError } from "../../base/errors.js";
import { checkFork, parseFork } from "../../proof/tlog/fork.js";
import { parseVerifierKey } from "../../proof/tlog/verifier-key.js";
import type { VerbAction } from "../context.js";

export const action: VerbAction = async (context, { args, options }) => {
  const file = String(args[0]);
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new QuipuError("NOT_FOUND", `the proof ${file} cannot be read: ${cause.message}`);
  });
  const text = checkFork(parseFork(bytes), [parseVerifierKey(String(options.key))]);
  context.output.result({ forked: true, text }, () => `it forked: ${text}`);
  return 0;
};
