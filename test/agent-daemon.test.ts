/** The agent's program as a process: a run from assignment to download, bad command lines, its end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import t from "tap";
import { AsyncQueue } from "../src/base/async-queue.js";
import { canonicalBytes } from "../src/base/canonical-json.js";
import { hashTree } from "../src/compute/native/hashing.js";
import {
  AssignSchema,
  type AttachRequest,
  type AttachResponse,
  AttachResponseSchema,
  AttachService,
  type Hello,
  RunState,
  type RunUpdate,
} from "../src/gen/quipu/v1/attach_pb.js";
import { signGrant } from "../src/io/identity/grant.js";
import { newSigner } from "../src/io/identity/signer.js";
import { type RpcServer, serve } from "../src/io/rpc/server.js";
import { bind } from "../src/io/rpc/service.js";
import { jobBytes, jobSpec } from "../src/model/job.js";
import { manifestBytes, manifestDigest } from "../src/model/manifest.js";
import { openEnvelope } from "../src/proof/receipt/envelope.js";

const root = mkdtempSync(join(tmpdir(), "quipu-quipud-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

const program = fileURLToPath(new URL("../src/main/quipud.js", import.meta.url));
const grants = newSigner("ecdsa-p256-sha256");

/** A coordinator of one stream: what agents say is heard in order, what it says is sent at once. */
class Desk {
  readonly heard = new AsyncQueue<AttachRequest["message"]>(10_000);
  #out = new AsyncQueue<AttachResponse>(100);
  #server: RpcServer | undefined;

  async start(): Promise<string> {
    const desk = this;
    const service = bind(AttachService, {
      async *attach(requests) {
        desk.#out = new AsyncQueue(100);
        void desk.#listen(requests);
        yield* desk.#out;
      },
    });
    this.#server = await serve({ listen: "127.0.0.1:0", services: [service] });
    return this.#server.address;
  }

  say(message: AttachResponse["message"]): void {
    this.#out.push(create(AttachResponseSchema, { message }));
  }

  async close(): Promise<void> {
    this.#out.end();
    await this.#server?.close(0);
  }

  /** The next message that fits; what comes before it is dropped. */
  async next<Found>(
    pick: (message: AttachRequest["message"]) => Found | undefined,
  ): Promise<Found> {
    const reader = this.heard[Symbol.asyncIterator]();
    for (;;) {
      const step = await reader.next();
      if (step.done === true) throw new Error("the desk is closed");
      const found = pick(step.value);
      if (found !== undefined) return found;
    }
  }

  async #listen(requests: AsyncIterable<AttachRequest>): Promise<void> {
    try {
      for await (const { message } of requests) {
        if (message.case === "hello") {
          const times = { heartbeatMs: 200n, leaseMs: 10_000n, grantKey: grants.publicKey };
          this.say({ case: "welcome", value: { ...times, coordinatorVersion: "1" } as never });
        }
        if (message.case === "heartbeat") {
          const { sequence } = message.value;
          this.say({ case: "heartbeatAck", value: { sequence, fenced: [] } as never });
        }
        this.heard.push(message);
      }
    } catch {
      // the agent was killed; its stream ends with it
    }
  }
}

function quipud(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(() => child.kill("SIGKILL"));
  return child;
}

async function firstLine(child: ChildProcess): Promise<Record<string, unknown>> {
  if (child.stdout === null) throw new Error("no stdout");
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line);
  throw new Error("it ended without a word");
}

const exit = (child: ChildProcess) =>
  new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));

const hello = (message: AttachRequest["message"]): Hello | undefined =>
  message.case === "hello" ? message.value : undefined;
const ended = (message: AttachRequest["message"]): RunUpdate | undefined =>
  message.case === "runUpdate" && message.value.state !== RunState.RUNNING
    ? message.value
    : undefined;

t.test("from assignment to receipt to download, and over a kill", async (t) => {
  const [state, data] = [join(root, "state"), join(root, "data")];
  mkdirSync(join(data, "digits"), { recursive: true });
  writeFileSync(join(data, "digits", "a.csv"), "1,2,3\n");
  const desk = new Desk();
  const address = await desk.start();
  t.teardown(() => desk.close());
  const args = ["--name", "sg-1", "--country", "SG", "--site", "private", "--state", state];
  args.push("--data", data, "--coordinator", address);
  const first = quipud(args);
  const { receiptKey, httpUrl, inventory, place, instanceId } = await desk.next(hello);
  t.same([inventory?.dataSets.map(({ name }) => name), place?.country], [["digits"], "SG"]);
  t.equal(inventory?.devices[0]?.id, "cpu");
  t.match(await firstLine(first), { ready: true, name: "sg-1", http: httpUrl });
  const endpoints = JSON.parse(readFileSync(join(state, "endpoints.json"), "utf8"));
  t.same(endpoints, { http: httpUrl, pid: first.pid, name: "sg-1" });

  const { manifest } = await hashTree(join(data, "digits"));
  const job = jobSpec.parse({
    version: "quipu.dev/v1",
    name: "count",
    dataSet: "digits",
    task: { driver: "hash" },
  });
  const assign = (runId: string, manifestDigestText: string) =>
    desk.say({
      case: "assign",
      value: create(AssignSchema, {
        runId,
        epoch: 1n,
        jobId: "job-1",
        spec: jobBytes(job),
        decision: canonicalBytes({ policyDigest: manifestDigestText }),
        leaseMs: 10_000n,
        device: "cpu",
        dataSets: [{ name: "digits", manifestDigest: manifestDigestText, dataClass: "public" }],
      }),
    });
  assign("run-1", manifestDigest(manifest));
  const update = await desk.next(ended);
  t.equal(update.state, RunState.SUCCEEDED);
  const { predicate, subject } = openEnvelope(update.envelope, receiptKey);
  t.equal(subject[0]?.name, "manifest.json");
  t.match(predicate.execution, { driver: "hash", devices: ["cpu"], determinism: "bitwise" });

  const digest = manifestDigest(manifest);
  const expiresAtMs = Date.now() + 60_000;
  const right = { digest, action: "get", country: "SG", host: "sg-1", expiresAtMs } as const;
  const get = async (change: object, signer = grants) => {
    const token = signGrant(signer, { ...right, ...change });
    const url = `${httpUrl}/v1/artifacts/${digest}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    return { status: response.status, body: await response.text() };
  };
  t.same(await get({}), { status: 200, body: Buffer.from(manifestBytes(manifest)).toString() });
  t.equal((await get({ host: "cl-1" })).status, 403, "a grant for another host");
  t.equal((await get({ digest: `sha256:${"0".repeat(64)}` })).status, 403, "for another blob");
  t.equal((await get({ action: "put" })).status, 403, "for another action");
  t.equal((await get({ expiresAtMs: Date.now() - 60_000 })).status, 403, "that has expired");
  t.equal((await get({}, newSigner("ecdsa-p256-sha256"))).status, 403, "of another signer");
  t.equal((await fetch(`${httpUrl}/v1/artifacts/${digest}`)).status, 403, "none at all");
  t.equal((await fetch(`${httpUrl}/readyz`)).status, 200);
  await desk.next((message) => message.case === "telemetry" || undefined);
  const metrics = await (await fetch(`${httpUrl}/metrics`)).text();
  t.match(metrics, /^system_memory_limit_bytes\{host="sg-1"\} [0-9]+/m);
  t.match(metrics, /^quipu_agent_runs\{host="sg-1",phase="sealed"\} 1$/m);

  // Unacknowledged, so it is said again after a kill: same bytes, same key, another instance.
  first.kill("SIGKILL");
  await exit(first);
  const second = quipud(args);
  const again = await desk.next(hello);
  t.same(
    again.heldRuns.map(({ runId }) => runId),
    ["run-1"],
  );
  t.ok(again.instanceId !== instanceId);
  t.same(again.receiptKey, receiptKey);
  t.same((await desk.next(ended)).envelope, update.envelope);

  // A folder laid while the agent runs is announced; one that is not what it should be is refused.
  mkdirSync(join(data, "more"));
  await desk.next((message) => {
    const names = hello(message)?.inventory?.dataSets.map(({ name }) => name);
    return names?.includes("more") === true || undefined;
  });
  assign("run-2", `sha256:${"5".repeat(64)}`);
  const refused = await desk.next((message) => {
    const end = ended(message);
    return end?.runId === "run-2" ? end : undefined;
  });
  t.same([refused.state, refused.failure?.code], [RunState.FAILED, "DATA_CHANGED"]);

  const third = quipud(args);
  const log = text(third.stderr ?? process.stdin);
  t.equal(await exit(third), 1);
  t.match(await log, /STATE_LOCKED/);
  second.kill("SIGTERM");
  t.equal(await exit(second), 0);
});

t.test("a command line that cannot work ends at once, with a code", async (t) => {
  const good = ["--name", "a", "--country", "SG", "--site", "private", "--coordinator", "unix:/x"];
  const folders = ["--state", join(root, "s"), "--data", join(root, "d")];
  const server = createServer().listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  await once(server, "listening");
  const taken = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cases = [
    [["--nonsense"], "USAGE", 2],
    [good, "USAGE", 2],
    [[...good, ...folders, "--country", "sg"], "USAGE", 2],
    [[...good, ...folders, "--name", "A B"], "USAGE", 2],
    [[...good, ...folders, "--log-level", "loud"], "USAGE", 2],
    [[...good, ...folders, "--coordinator", "192.0.2.1:9"], "INSECURE_ENDPOINT", 2],
    [[...good, ...folders, "--state", join(program, "state")], "STATE_NOT_WRITABLE", 1],
    [[...good, ...folders, "--state", "/proc/quipu/state"], "STATE_NOT_WRITABLE", 1],
    [[...good, ...folders, "--state", join(root, "t"), "--http", taken], "PORT_TAKEN", 1],
  ] as const;
  await Promise.all(
    cases.map(async ([args, code, exitCode]) => {
      const child = quipud(args);
      const log = text(child.stderr ?? process.stdin);
      t.equal(await exit(child), exitCode, args.join(" "));
      t.match(await log, code);
    }),
  );
});
