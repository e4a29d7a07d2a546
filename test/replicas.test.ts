/** Coordinators that share one PostgreSQL: any of them serves, one leads, another follows when it dies. */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { PostgresServer } from "./postgres-server.js";
import { packageRoot, RealFleet, until } from "./real-fleet.js";

const server = await PostgresServer.start();
const fleet = new RealFleet();
t.setTimeout(300_000);
t.teardown(async () => {
  await fleet.close();
  await server?.close();
});
const quipu = fleet.quipu.bind(fleet);
const log = fleet.log.bind(fleet);
const socket = (name: string): string => `unix:${fleet.folder}/${name}.sock`;
const at = (...names: string[]): string[] => ["--coordinator", names.map(socket).join(",")];

/** Each coordinator itself, whether it leads or not. */
async function tellsTheLog(t: Test, name: string, tilesUrl: string, job: string): Promise<void> {
  const head = await quipu("log", "head", ...at(name));
  t.match(head.json, { size: Number, tilesUrl }, `${name} tells the log's head`);
  const usage = await quipu("usage", ...at(name));
  t.match(JSON.stringify(usage.json), /"runs":"1"/, "and what was used");
  const receipt = await quipu("receipt", "show", job, ...at(name));
  t.equal(receipt.code, 0, receipt.stderr);
}

t.test("a leader is killed or stopped, and the one that stood by goes on", async (t) => {
  if (server === undefined) {
    t.ok(true, "SKIPPED: PostgreSQL is not installed (Debian: postgresql-15)", { skip: true });
    return;
  }
  const address = server.newDatabase();
  const { password } = new URL(address);
  const store = ["--store", address];
  const shared = [...store, "--shared", join(fleet.folder, "shared")];
  const start = (name: string, args = shared) =>
    fleet.startCoordinator(name, [...args, "--listen", socket(name)]);
  const first = await start("first");
  const second = await start("second");
  t.match(log("second"), new RegExp(`"leader":"${socket("first")}","msg":"standing by`));
  for (const { ready } of [first, second]) {
    t.equal((await fetch(`${ready.http}/readyz`)).status, 200, "both serve");
  }
  const metrics = await (await fetch(`${second.ready.http}/metrics`)).text();
  for (const line of [/^quipu_coordinator_up 1$/m, /^quipu_coordinator_leads 0$/m]) {
    t.match(metrics, line);
  }
  t.notOk(existsSync(join(fleet.folder, "first", "coordinator.db")));
  await t.rejects(start("stranger", store), { code: "VERIFICATION_FAILED" }, "not the log's key");
  const keys = (name: string) => join(fleet.folder, name, "keys");
  cpSync(join(keys("shared"), "log.key.pem"), join(keys("stranger"), "log.key.pem"));
  await t.rejects(start("stranger", store), { code: "CONFLICT" }, "its grants would be others");

  // Everything through the one that stands by: agent, data set, job, blob, receipt, log.
  fleet.layData("sg-1", "digits");
  const agent = await fleet.startAgent(
    "sg-1",
    "SG",
    "private",
    `${socket("second")},${socket("first")}`,
  );
  const data = join(fleet.dataFolder("sg-1"), "digits");
  const terms = ["--name", "digits", "--class", "personal", "--countries", "SG,CL"];
  t.equal((await quipu("data", "add", data, ...terms, ...at("second"))).code, 0);
  const manifest = join(packageRoot, "examples", "digits", "manifest.yaml");
  const run = await quipu("run", manifest, ...at("second"));
  t.equal(run.code, 0, run.stderr);
  t.match(run.json.jobs[0], { state: "succeeded", logIndex: Number });
  const blob = await quipu("artifact", "put", manifest, ...at("second"));
  t.equal(blob.code, 0, blob.stderr);
  t.match(await quipu("log", "fsck", ...at("second")), { code: 0, json: { ok: true } });
  for (const [name, { ready }] of Object.entries({ first, second })) {
    await tellsTheLog(t, name, `${ready.http}`, run.json.jobs[0].id);
  }

  // A command that waits, and an agent, outlive the leader; what clients brought is there still.
  agent.process.kill("SIGSTOP");
  const waiting = quipu("run", manifest, ...at("first", "second"));
  await until("it is asked", async () => {
    const { json } = await quipu("job", "ls", ...at("first"));
    return json.jobs.length > 1;
  });
  await fleet.kill("first");
  agent.process.kill("SIGCONT");
  const { code, json, stderr } = await waiting;
  t.equal(code, 0, stderr);
  t.match(json.jobs[0], { state: "succeeded", logIndex: Number });
  t.match(await quipu("log", "fsck", ...at("second")), { code: 0, json: { ok: true } });
  const used = await quipu("usage", "--by", "job", ...at("second"));
  t.same([used.json.groups.length, used.json.total.runs], [2, "2"], "nothing lost or doubled");
  const listed = await quipu("artifact", "ls", ...at("first", "second"));
  t.match(listed.json.artifacts, [{ digest: blob.json.artifact.digest }]);

  await server.end("SIGKILL");
  const down = await fetch(`${second.ready.http}/readyz`);
  t.match([down.status, await down.text()], [503, /database/]);
  await until("commands tell it", async () => {
    const { code: exit, json: answer } = await quipu("job", "ls", ...at("second"));
    return exit === 1 && answer.error.code === "UNAVAILABLE";
  });
  await server.launch();
  await until("it answers again", async () => {
    return (await quipu("job", "ls", ...at("second"))).code === 0;
  });
  const after = await quipu("run", manifest, ...at("second"));
  t.equal(after.code, 0, after.stderr);

  // Stopped for longer than its lease, it wakes as a leader that was followed meanwhile.
  cpSync(keys("shared"), keys("first"), { recursive: true });
  await start("first", store); // keys may be copied instead
  const { process: stopped } = second;
  const ended = new Promise((resolve) => stopped.once("exit", resolve));
  stopped.kill("SIGSTOP");
  const last = await quipu("run", manifest, ...at("second", "first"));
  t.equal(last.code, 0, "its agent and this command found the new leader");
  stopped.kill("SIGCONT");
  t.equal(await ended, 1, "it ends");
  t.match(log("second"), /FENCED.*another coordinator has taken over/);
  t.equal(server.sql(new URL(address).pathname.slice(1), "select epoch from leaders"), "3");
  t.match(await quipu("log", "fsck", ...at("first")), { code: 0, json: { ok: true } });
  for (const name of ["first", "second", "stranger"]) t.notMatch(log(name), password);
});
