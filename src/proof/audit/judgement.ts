/** What several answers to one question say of those who gave them. Pure. */
import { type Answer, type AuditState, type Finding, noAnswer } from "../../model/audit.js";

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
  const said = answers.filter(({ answer }) => answer !== noAnswer);
  const all = (state: AuditState, finding: Finding, others = finding): Judgement => {
    const of = ({ answer }: Answer) => (answer === right ? finding : others);
    return { state, findings: answers.map((one) => (said.includes(one) ? of(one) : "silent")) };
  };
  const right = said.find(({ host, answer }) =>
    said.some((other) => other.host !== host && other.answer === answer),
  )?.answer;
  if (right !== undefined) {
    const isOne = said.every(({ answer }) => answer === right);
    return all(isOne ? "agreed" : "decided", "right", "wrong");
  }
  if (said.length < 2) return all(isLast ? "unanswered" : "open", "open");
  return isLast ? all("undecided", "alone") : all("disputed", "disputed");
}
