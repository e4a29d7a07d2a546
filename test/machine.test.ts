/**
 * One machine for whoever begins: daemons that cannot start, `quipu up` and `down`, and the demo to its
 * end or until Ctrl-C.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { childrenOf, program, RealFleet, runQuipu, until } from "./real-fleet.js";

const fleet = new RealFleet();
const { folder } = fleet;
t.setTimeout(300_000);
t.teardown(() => fleet.close());

t.test("daemons that cannot start say why", async (t) => {
  await fleet.startCoordinator();
  const http = ["--http", "127.0.0.1:0"];
  const start = (name: string, args: readonly string[]) => fleet.start(name, "coordinator", args);
  const held = ["--state", join(folder, "coordinator"), "--listen", "127.0.0.1:0", ...http];
  await t.rejects(start("second", held), { code: "STATE_LOCKED" });
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const taken = ["--state", join(folder, "other"), "--listen", `127.0.0.1:${port}`, ...http];
  await t.rejects(start("third", taken), { code: "PORT_TAKEN", next: /./ });
  server.close();
  const file = join(folder, "a-file");
  writeFileSync(file, "");
  const unwritable = ["--state", join(file, "state"), "--listen", "127.0.0.1:0", ...http];
  await t.rejects(start("fourth", unwritable), { code: "STATE_NOT_WRITABLE" });
  const newer = join(folder, "newer");
  mkdirSync(newer);
  writeFileSync(join(newer, "state.json"), JSON.stringify({ kind: "coordinator", version: 9999 }));
  await t.rejects(start("fifth", ["--state", newer, "--listen", "127.0.0.1:0", ...http]), {
    code: "STATE_NEWER",
  });
  const far = ["--state", join(folder, "far"), "--listen", "0.0.0.0:7000", ...http];
  await t.rejects(start("sixth", far), { code: "INSECURE_ENDPOINT" });
});

t.test("up, status, down: a coordinator and an agent on this machine", async (t) => {
  const home = { QUIPU_HOME: join(folder, "home"), QUIPU_COORDINATOR: "" };
  const up = await runQuipu(["up", "--country", "SG", "--name", "here", "-o", "json"], home);
  t.equal(up.code, 0, up.stderr);
  const again = await runQuipu(["up", "--country", "SG", "--name", "here", "-o", "json"], home);
  t.match(again.stderr, /already up/);
  const status = await runQuipu(["status", "-o", "json"], home);
  t.match(status.json, { hosts: { known: 1, attached: 1 }, care: [] });
  const nothing = await runQuipu(["job", "outputs", "job-0", "--to", "x", "-o", "json"], home);
  t.match(nothing.json, { error: { code: "NOT_FOUND" } }, "the country is known from `up`");
  const down = await runQuipu(["down", "-o", "json"], home);
  t.same(down.json, { stopped: ["agent", "coordinator"] });
  t.match((await runQuipu(["down", "-o", "json"], home)).json, { stopped: [] });
});

t.test("the demo holds, and its JSON is one object", async (t) => {
  const kept = join(folder, "demo");
  const { code, json, stderr } = await runQuipu(["demo", "--once", "--folder", kept, "--json"]);
  t.equal(code, 0, stderr);
  const parts = ["hosts", "jobs", "accuracy", "log", "verify", "audits", "rerun", "elapsedMs"];
  t.same(Object.keys(json), parts);
  t.ok(
    json.audits.length === 5 &&
      json.audits.every(({ state }: { state: string }) => state === "agreed"),
  );
  t.ok(json.accuracy > 0.95);
  t.match(json.verify, { receipts: 5, failed: 0 });
  t.match(json.rerun, { backend: "portable", equal: true });
  t.match(json.hosts, [{ name: "cl-1" }, { name: "de-1" }, { name: "sg-1" }]);
  for (const { receipt, state } of json.jobs)
    t.equal(receipt !== null && existsSync(receipt), state === "succeeded");
});

t.test("the demo stays up to be looked at, and Ctrl-C leaves nothing behind", async (t) => {
  const kept = join(folder, "demo-up");
  const demo = spawn(process.execPath, [program("quipu"), "demo", "--folder", kept]);
  let said = "";
  demo.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const ended = new Promise((resolve) => demo.once("exit", resolve));
  await until("the fleet stays up", async () => /until Ctrl-C/.test(said), 60_000);
  const daemons = childrenOf(demo.pid ?? 0);
  t.equal(daemons.length, 4, "a coordinator and three agents");
  const [, address = ""] = /QUIPU_COORDINATOR=(\S+)/.exec(said) ?? [];
  const hosts = await runQuipu(["host", "ls", "-o", "json"], { QUIPU_COORDINATOR: address });
  t.equal(hosts.json.hosts.length, 3);
  demo.kill("SIGINT");
  t.equal(await ended, 0);
  t.notOk(daemons.some((pid) => existsSync(`/proc/${pid}`)));
});
