/** Which keys a check believes, and where they came from. */

import {
  parsePem,
  parseTrustedRoot,
  type ReceiptFile,
  revokedSuffix,
  trustedRootName,
  trustPolicyName,
} from "../receipt/bundle.js";
import { parseTrustPolicy, type TrustPolicy } from "../tlog/trust-policy.js";
import type { VerifierKey } from "../tlog/verifier-key.js";

export interface Trust {
  /** SubjectPublicKeyInfo (DER) of hosts' receipt keys. */
  readonly receiptKeys: readonly Uint8Array[];
  readonly logKeys: readonly VerifierKey[];
  /** Bundles of notices that revoke keys. */
  readonly revocations?: readonly Uint8Array[];
  /** Keys that may sign those; that they are in a log that is believed says the rest. */
  readonly revokers?: readonly Uint8Array[];
  /** Who must have cosigned the checkpoint; absent: nobody. */
  readonly policy?: TrustPolicy;
  /**
   * `beside`: read from files that came with the receipt, so they prove only that the receipt has
   * not changed since it was exported. `pinned`: the caller knew the keys before.
   */
  readonly source: "beside" | "pinned";
}

/** Trust in `trusted_root.json`, `trust.policy`, `*.pub.pem` and `*.revoked.json` beside a bundle. */
export function trustBeside(files: readonly ReceiptFile[]): Trust {
  const decoder = new TextDecoder();
  const policy = files.find(({ name }) => name === trustPolicyName);
  return {
    receiptKeys: files
      .filter(({ name }) => name.endsWith(".pub.pem"))
      .map(({ content }) => parsePem(decoder.decode(content))),
    logKeys: files
      .filter(({ name }) => name === trustedRootName)
      .map(({ content }) => parseTrustedRoot(content)),
    revocations: files
      .filter(({ name }) => name.endsWith(revokedSuffix))
      .map(({ content }) => content),
    ...(policy && { policy: parseTrustPolicy(decoder.decode(policy.content)) }),
    source: "beside",
  };
}
