/** How the answers of a host have been found so far, and after one more. */
import type { AuditAnswerRecord, ReputationRecord } from "../../io/store/records.js";

/** Whoever comes with another key is new: only that the name was wrong before stays known. */
export function reputationAfter(
  before: ReputationRecord | undefined,
  { host, keyId, finding }: AuditAnswerRecord,
): ReputationRecord {
  const { right = 0, wrong = 0, rightInRow = 0 } = before ?? {};
  const isRight = finding === "right";
  const inRow = before?.keyId === keyId ? rightInRow : 0;
  return {
    host,
    keyId,
    right: right + (isRight ? 1 : 0),
    wrong: wrong + (isRight ? 0 : 1),
    rightInRow: isRight ? inRow + 1 : 0,
  };
}
