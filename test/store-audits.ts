/** How every backing of the coordinator's store keeps audits; run on each of them by store.test.ts. */
import type { AuditAnswerRecord, AuditRecord } from "../src/io/store/records.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { failure } from "./failure.js";
import type { Checks } from "./store-suite.js";

export async function keepsAudits(t: Checks, where: string): Promise<void> {
  const store = await openCoordinatorStore(where);
  const [first, second, third] = ["1", "2", "3"].map((at): AuditRecord => {
    const of = { id: `aud-${at}`, runId: `run-${at}`, jobId: `job-${at}` };
    return { ...of, reason: "lot", state: "open", againJobId: "job-9", openedAtMs: 5 };
  }) as [AuditRecord, AuditRecord, AuditRecord];
  const answer = (runId: string, auditId: string, atMs: number): AuditAnswerRecord => {
    const of = { runId, auditId, host: "sg-1", keyId: "k", deviceKind: "cpu" } as const;
    return { ...of, answer: `sha256:${"1".repeat(64)}`, finding: "open", atMs };
  };
  const told = [answer("run-1", "aud-1", 7), answer("run-2", "aud-2", 6), answer("c", "aud-1", 8)];
  const ended: AuditRecord = { ...first, state: "agreed", closedAtMs: 9 };
  await store.transact(async ({ audits }) => {
    for (const audit of [first, second, third]) await audits.insert(audit);
    await audits.update(ended);
    for (const one of told) await audits.putAnswer(one);
    await audits.putAnswer({ ...answer("c", "aud-1", 8), finding: "right" });
  });
  const twice = store.transact(({ audits }) => audits.insert({ ...first, id: "aud-4" }));
  await failure(twice); // a run has one audit at most
  const { audits } = store;
  t.same(await audits.ofRun("run-1"), ended);
  t.same(await audits.open(), [second, third]);
  t.same(await audits.list(2), [third, second], "of one moment by their ids");
  t.same(await audits.list(2, second), [ended]);
  const right = { ...told[2], finding: "right" };
  t.same(await audits.answers("aud-1"), [told[0], right], "in place of what was known");
  t.same(await audits.answers("aud-1", "aud-2"), [told[1], told[0], right], "as they came");
  t.same(await audits.answers(), []);
  const known = { host: "sg-1", keyId: "k", right: 1, wrong: 0, rightInRow: 1 };
  for (const right of [1, 2]) {
    await store.transact(({ audits }) => audits.putReputation({ ...known, right }));
  }
  t.same(await audits.reputations(), [{ ...known, right: 2 }]);
  await store.close();
}
