/** Coordinators that share one PostgreSQL: one leads, the other follows when it dies. */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
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

t.test("a leader is killed or stopped, and the one that stood by goes on", async (t) => {
  if (server === undefined) {
    t.ok(true, "SKIPPED: PostgreSQL is not installed (Debian: postgresql-15)", { skip: true });
    return;
  }
  const address = server.newDatabase();
  const { password } = new URL(address);
  const shared = ["--store", address];
  const first = await fleet.startCoordinator("coordinator", shared);
  fleet.layData("sg-1", "digits");
  const elsewhere = `unix:${fleet.folder}/third.sock`;
  await fleet.startAgent("sg-1", "SG", "private", `${fleet.address},${elsewhere}`);
  const data = join(fleet.dataFolder("sg-1"), "digits");
  const terms = ["--name", "digits", "--class", "personal", "--countries", "SG,CL"];
  t.equal((await quipu("data", "add", data, ...terms)).code, 0);
  const manifest = join(packageRoot, "examples", "digits", "manifest.yaml");
  const run = await quipu("run", manifest);
  t.equal(run.code, 0, run.stderr);
  t.match(run.json.jobs[0], { state: "succeeded", logIndex: 0 });
  t.equal((await fetch(`${first.ready.http}/readyz`)).status, 200);
  t.match(await quipu("log", "fsck"), { code: 0, json: { ok: true } });
  t.notOk(existsSync(join(fleet.folder, "coordinator", "coordinator.db")));

  const copyKeys = (name: string): void => {
    const keys = join(fleet.folder, "coordinator", "keys");
    cpSync(keys, join(fleet.folder, name, "keys"), { recursive: true });
  };
  copyKeys("second");
  const stranger = fleet.startCoordinator("stranger", shared);
  await t.rejects(stranger, { code: "VERIFICATION_FAILED" }, "its key is not the log's");
  const following = fleet.startCoordinator("second", shared);
  const log = fleet.log.bind(fleet);
  await until("the second stands by", async () => /standing by/.test(log("second")));

  const [{ id }] = (await quipu("run", manifest, "--detach")).json.jobs;
  await fleet.kill("coordinator");
  const second = await following;
  t.equal(second.ready.grpc, first.ready.grpc, "at the same address");
  const { code, json } = await quipu("job", "wait", id);
  t.equal(code, 0);
  t.match(json.jobs[0], { id, state: "succeeded", logIndex: 1 });
  t.match(await quipu("log", "fsck"), { code: 0, json: { ok: true } });
  t.equal((await quipu("log", "head")).json.size, 2, "nothing lost, nothing doubled");

  await server.end("SIGKILL");
  const down = await fetch(`${second.ready.http}/readyz`);
  t.match([down.status, await down.text()], [503, /database/]);
  await until("commands tell it", async () => {
    const { code: exit, json: answer } = await quipu("job", "ls");
    return exit === 1 && answer.error.code === "UNAVAILABLE";
  });
  await server.launch();
  await until("it answers again", async () => (await quipu("job", "ls")).code === 0);
  const after = await quipu("run", manifest);
  t.equal(after.code, 0, after.stderr);

  // Stopped for longer than its lease, it wakes as a leader that was followed meanwhile.
  copyKeys("third");
  const next = fleet.startCoordinator("third", [...shared, "--listen", elsewhere]);
  await until("the third stands by", async () => /standing by/.test(log("third")));
  const { process: stopped } = second;
  const ended = new Promise((resolve) => stopped.once("exit", resolve));
  stopped.kill("SIGSTOP");
  await next;
  stopped.kill("SIGCONT");
  t.equal(await ended, 1, "it ends");
  t.match(log("second"), /FENCED.*another coordinator has taken over/);
  t.equal(server.sql(new URL(address).pathname.slice(1), "select epoch from leaders"), "3");
  const last = await quipu("run", manifest, "--coordinator", elsewhere);
  t.equal(last.code, 0, "its agent found the new leader");
  t.match(await quipu("log", "fsck", "--coordinator", elsewhere), { code: 0, json: { size: 4 } });
  for (const name of ["coordinator", "second", "stranger"]) t.notMatch(log(name), password);
});
