/** What commands tell of a run that other hosts came to something else of. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import type { AuditAnswerRecord, HostRecord, JobRecord } from "../src/io/store/records.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import type { AuditState, Finding } from "../src/model/audit.js";
import { runIn } from "./cli-run.js";
import { job, places } from "./coordinator-world.js";
import { openDaemon } from "./local-daemon.js";

t.setTimeout(60_000);
const root = mkdtempSync(join(tmpdir(), "quipu-"));
const state = join(root, "state");
mkdirSync(state);

const right = digestOf(new Uint8Array([1]));
const wrong = digestOf(new Uint8Array([2]));

const host: HostRecord = {
  ...{ name: "sg-1", place: places.SG, devices: [], dataSets: [], lastSeenAtMs: 1 },
  ...{ inventory: new Uint8Array(), receiptKey: new Uint8Array(), httpUrl: "http://127.0.0.1:9" },
};

function succeeded(id: string, position: number): JobRecord {
  const spec = job();
  return {
    ...{
      id,
      position,
      name: "count",
      owner: "local",
      driver: "hash",
      spec,
      specDigest: digestOf(spec),
    },
    ...{ attemptsMax: 1, state: "succeeded", runId: `run-${position}`, epoch: 1, host: "sg-1" },
    ...{ country: "SG", decisionId: "", submittedAtMs: 1, result: { outputs: [] } },
  };
}

/** Answers of hosts sg-1, sg-2, …, as they were found; the first is the run's own. */
function answersOf(auditId: string, runId: string, findings: readonly Finding[]) {
  return findings.map((finding, at): AuditAnswerRecord => {
    const host = `sg-${at + 1}`;
    const answer = finding === "wrong" ? wrong : right;
    const by = at === 0 ? runId : `${runId}-${at}`;
    return { runId: by, auditId, host, keyId: "k", deviceKind: "cpu", answer, finding, atMs: at };
  });
}

const audits: readonly [AuditState, readonly Finding[]][] = [
  ["agreed", ["right", "right"]],
  ["decided", ["wrong", "right", "right"]],
  ["undecided", ["alone", "alone"]],
  ["decided", ["right", "wrong", "right"]],
];

const store = await openCoordinatorStore(join(state, "coordinator.db"));
await store.transact(async (tables) => {
  await tables.hosts.put(host);
  for (const [at, [state, findings]] of audits.entries()) {
    const [jobId, runId, id] = [`job-${at}`, `run-${at}`, `aud-${at}`];
    await tables.jobs.insert([succeeded(jobId, at)]);
    const of = { id, runId, jobId, reason: "lot", againJobId: `job-${at}0` } as const;
    await tables.audits.insert({ ...of, state, openedAtMs: at, closedAtMs: at });
    for (const answer of answersOf(id, runId, findings)) await tables.audits.putAnswer(answer);
  }
});
await store.close();

const daemon = await openDaemon(state);
t.teardown(async () => {
  await daemon.close();
  rmSync(root, { recursive: true });
});
const quipu = (...argv: string[]) => runIn(root, [...argv, "--coordinator", daemon.grpcAddress]);

t.test("audit show and ls say who answered what", async (t) => {
  t.match(await quipu("audit", "show", "job-0"), {
    code: 0,
    stdout: /right +sg-1 .*\nright +sg-2/,
  });
  t.match(await quipu("audit", "show", "run-1"), { code: 6, stdout: /wrong +sg-1/ });
  t.match(await quipu("audit", "show", "aud-3"), { code: 0, stdout: /wrong +sg-2/ });
  t.match(await quipu("audit", "show", "job-9"), { code: 1, stderr: /NOT_FOUND/ });
  const listed = JSON.parse((await quipu("audit", "ls", "-o", "json")).stdout);
  t.same(
    listed.audits.map(({ jobId }: { jobId: string }) => jobId),
    ["job-3", "job-2", "job-1", "job-0"],
  );
  t.match(await quipu("audit", "ls", "--limit", "0"), { code: 2 });
});

t.test("status names results that are wrong or in doubt, and no others", async (t) => {
  const { care } = JSON.parse((await quipu("status", "-o", "json")).stdout);
  const named = care.filter((line: string) => line.startsWith("the result"));
  t.match(named, [/job-2 is in doubt/, /job-1 was found wrong; next: quipu audit show job-1/]);
  t.equal(named.length, 2);
});

t.test("outputs that were found wrong are given, and not as good ones", async (t) => {
  const to = join(root, "out");
  const take = (id: string) => quipu("job", "outputs", id, "--to", to, "--country", "SG");
  t.match(await take("job-1"), { code: 6, stderr: /not to be relied on.*quipu job retry job-1/ });
  for (const id of ["job-0", "job-3"]) t.match(await take(id), { code: 0, stderr: "" });
});
