/** Which keys a check believes, and where they came from. */
import {
  noticeKeySuffix,
  parsePem,
  parseTrustedRoot,
  type ReceiptFile,
  receiptKeySuffix,
  revokedSuffix,
  trustedRootName,
  trustPolicyName,
} from "../receipt/bundle.js";
import { parseTrustPolicy, type TrustPolicy } from "../tlog/trust-policy.js";
import type { VerifierKey } from "../tlog/verifier-key.js";

export interface Trust {
  /** SubjectPublicKeyInfo (DER) of hosts' receipt keys: they sign receipts and nothing else. */
  readonly receiptKeys: readonly Uint8Array[];
  /** Of coordinators' notice keys: ends of jobs and acts, revocations among them, are theirs alone to state. */
  readonly noticeKeys: readonly Uint8Array[];
  readonly logKeys: readonly VerifierKey[];
  /** Bundles of notices that revoke keys. */
  readonly revocations?: readonly Uint8Array[];
  /** Who must have cosigned the checkpoint; absent: nobody. */
  readonly policy?: TrustPolicy;
  /**
   * `beside`: read from files that came with the receipt, so they prove only that the receipt has
   * not changed since it was exported. `pinned`: the caller knew the keys before.
   */
  readonly source: "beside" | "pinned";
}

/** Trust in what lies beside a bundle: keys (each by its name a host's or a coordinator's), policy, revocations. */
export function trustBeside(files: readonly ReceiptFile[]): Trust {
  const decoder = new TextDecoder();
  const policy = files.find(({ name }) => name === trustPolicyName);
  const keys = (suffix: string): readonly Uint8Array[] =>
    files
      .filter(({ name }) => name.endsWith(suffix))
      .map(({ content }) => parsePem(decoder.decode(content)));
  return {
    receiptKeys: keys(receiptKeySuffix),
    noticeKeys: keys(noticeKeySuffix),
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
