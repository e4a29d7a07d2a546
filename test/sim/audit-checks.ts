/** What must hold of audits when a simulation is over: only who lied was found wrong. */
import type { CoordinatorStore } from "../../src/io/store/coordinator-store.js";
import type { AuditAnswerRecord, AuditRecord } from "../../src/io/store/records.js";
import { auditOwner, isAuditOver } from "../../src/model/audit.js";
import { actType } from "../../src/model/notice.js";
import { parseEnvelope } from "../../src/proof/receipt/envelope.js";
import type { World } from "./world.js";

const auditsMax = 100_000;

/** How many there were. */
export async function checkAudits(world: World, store: CoordinatorStore): Promise<number> {
  const audits = await store.audits.list(auditsMax);
  const told = await toldOf(store);
  const counted = new Map<string, { right: number; wrong: number }>();
  for (const audit of audits) {
    const { id, state } = audit;
    if (!isAuditOver(state)) world.violated(`${id} is ${state} at the end`);
    if (!told.has(`${id} ${state}`)) world.violated(`${id} is ${state}, and no act says so`);
    const answers = await store.audits.answers(id);
    await checkAnswers(world, store, audit, answers);
    for (const { host, finding } of answers) {
      if (finding !== "right" && finding !== "wrong") continue;
      const count = counted.get(host) ?? { right: 0, wrong: 0 };
      count[finding] += 1;
      counted.set(host, count);
    }
  }
  for (const { host, right, wrong } of await store.audits.reputations()) {
    const { right: found = 0, wrong: lost = 0 } = counted.get(host) ?? {};
    if (right === found && wrong === lost) continue;
    world.violated(`${host} is known for ${right} right and ${wrong} wrong, not ${found}, ${lost}`);
  }
  return audits.length;
}

async function checkAnswers(
  world: World,
  store: CoordinatorStore,
  { id, runId, state }: AuditRecord,
  answers: readonly AuditAnswerRecord[],
): Promise<void> {
  const hosts = new Set(answers.map(({ host }) => host));
  if (hosts.size !== answers.length) world.violated(`${id}: one host has answered twice`);
  if (!answers.some((answer) => answer.runId === runId)) world.violated(`${id} forgot its own run`);
  const first = await store.runs.get(runId);
  const honest = (await store.jobs.get(first?.jobId ?? ""))?.specDigest;
  for (const { runId: by, host, finding } of answers) {
    const run = await store.runs.get(by);
    const job = run && (await store.jobs.get(run.jobId));
    if (by !== runId && job?.owner !== auditOwner)
      world.violated(`${by} of ${id} is charged to others`);
    if (job?.specDigest !== honest) world.violated(`${by} of ${id} ran another job`);
    if (finding === "wrong" && host !== world.liar)
      world.violated(`${host} was found wrong in ${id}`);
  }
  if (state === "decided" && !hosts.has(world.liar ?? "")) {
    world.violated(`${id} was decided, and nobody lied`);
  }
}

/** Audits with their states, as acts in the log tell of them. */
async function toldOf(store: CoordinatorStore): Promise<ReadonlySet<string>> {
  const told = new Set<string>();
  for (const { envelope } of await store.notices.logged(0, auditsMax)) {
    const said = JSON.parse(Buffer.from(parseEnvelope(envelope).payload).toString());
    const { kind = "", details } = said.predicateType === actType ? said.predicate : {};
    if (kind.startsWith("audit.")) told.add(`${details.audit} ${kind.slice("audit.".length)}`);
  }
  return told;
}
