/** A trust policy (C2SP tlog-policy) from a file, and the file's own words. */
import { readFile } from "node:fs/promises";
import { QuipuError } from "../../base/errors.js";
import { parseTrustPolicy, type TrustPolicy } from "../../proof/tlog/trust-policy.js";

export async function readTrustPolicy(
  file: string,
): Promise<{ readonly policy: TrustPolicy; readonly policyText: string }> {
  const policyText = await readFile(file, "utf8").catch((cause: Error) => {
    const why = `the trust policy ${file} cannot be read: ${cause.message}`;
    throw new QuipuError("NOT_FOUND", why, {
      next: "give a file of log, witness, group and quorum lines",
      cause,
    });
  });
  return { policy: parseTrustPolicy(policyText), policyText };
}
