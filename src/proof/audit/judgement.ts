/** What several answers to one question say of those who gave them. Pure. */
import type { Answer, AuditState, Finding } from "../../model/audit.js";

export interface Judgement {
  readonly state: AuditState;
  /** Of each answer, in the order of the answers. */
  readonly findings: readonly Finding[];
}

/**
 * The first answer that two hosts give is the right one: where one host lies, or several do not lie
 * alike, it is. `isLast`: nobody is left to ask.
 */
export function judge(answers: readonly Answer[], isLast: boolean): Judgement {
  const right = answers.find(({ host, answer }) =>
    answers.some((other) => other.host !== host && other.answer === answer),
  )?.answer;
  if (right !== undefined) {
    const findings = answers.map(({ answer }) => (answer === right ? "right" : "wrong"));
    return { state: findings.includes("wrong") ? "decided" : "agreed", findings };
  }
  const all = (state: AuditState, finding: Finding): Judgement => {
    return { state, findings: answers.map(() => finding) };
  };
  if (answers.length < 2) return all(isLast ? "unanswered" : "open", "open");
  return isLast ? all("undecided", "alone") : all("disputed", "disputed");
}
