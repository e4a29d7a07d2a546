/** The rpc room: each kind of call over TCP and unix sockets, and every way a call can go wrong. */
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, createFileRegistry, type MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ChannelCredentials, type ChannelOptions, Client as GrpcClient } from "@grpc/grpc-js";
import t from "tap";
import { AsyncQueue } from "../src/base/async-queue.js";
import { QuipuError } from "../src/base/errors.js";
import { limits } from "../src/base/limits.js";
import { type AttachRequestSchema, AttachService } from "../src/gen/quipu/v1/attach_pb.js";
import { HostService } from "../src/gen/quipu/v1/fleet_pb.js";
import { JobService } from "../src/gen/quipu/v1/jobs_pb.js";
import { type Channel, client, connect } from "../src/io/rpc/client.js";
import type { TlsCredentials } from "../src/io/rpc/credentials.js";
import { type RpcServer, type ServeOptions, serve } from "../src/io/rpc/server.js";
import type { Fault } from "../src/io/rpc/server-call.js";
import { bind, type CallContext, type Handlers } from "../src/io/rpc/service.js";
import { failure } from "./failure.js";
import { makeCertificates } from "./tls-certificates.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const loopback = "127.0.0.1:0";
const notAsked = async (): Promise<never> => {
  throw new QuipuError("NOT_FOUND", "this test does not answer that");
};
const hostHandlers: Handlers<typeof HostService> = { listHosts: notAsked, getHost: notAsked };
const jobHandlers: Handlers<typeof JobService> = {
  submitJobs: notAsked,
  planJobs: notAsked,
  getJob: notAsked,
  listJobs: notAsked,
  watchJob: () => new AsyncQueue(1),
  cancelJob: notAsked,
  getJobLogs: () => new AsyncQueue(1),
  grantOutputs: notAsked,
};

/** A started server and a channel to it, both ended with the test. */
async function pair(
  test: { teardown(end: () => Promise<void>): void },
  services: ServeOptions["services"],
  listen = loopback,
  onFault?: (fault: Fault) => void,
): Promise<{ server: RpcServer; channel: Channel }> {
  const server = await serve({ listen, services, ...(onFault === undefined ? {} : { onFault }) });
  const channel = connect(server.address);
  test.teardown(async () => {
    channel.close();
    await server.close(0);
  });
  return { server, channel };
}

type AttachInit = MessageInitShape<typeof AttachRequestSchema>;

function beat(sequence: bigint): AttachInit {
  return { message: { case: "heartbeat", value: { sequence } } };
}

async function first<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item;
  return undefined;
}

t.test("unary, server stream and bidi, over TCP and a unix socket", async (t) => {
  for (const listen of [loopback, `unix:${join(folder, "round.sock")}`]) {
    const seen: CallContext[] = [];
    const attached: string[] = [];
    const { server, channel } = await pair(
      t,
      [
        bind(HostService, {
          ...hostHandlers,
          getHost: async ({ name }, context) => {
            seen.push(context);
            return { host: { name, runs: [{ runId: "run-1", epoch: 9007199254740993n }] } };
          },
        }),
        bind(JobService, {
          ...jobHandlers,
          async *watchJob({ id }) {
            for (let epoch = 0n; epoch < 100n; epoch += 1n) yield { job: { id, epoch } };
          },
        }),
        bind(AttachService, {
          async *attach(requests) {
            for await (const { message } of requests) {
              attached.push(message.case ?? "none");
              if (message.case !== "heartbeat") continue;
              const { sequence } = message.value;
              yield { message: { case: "heartbeatAck", value: { sequence } } };
            }
            // the agent has half-closed; the coordinator still speaks
            yield { message: { case: "cancel", value: { runId: "last" } } };
          },
        }),
      ],
      listen,
    );
    t.match(server.address, listen.startsWith("unix:") ? /^unix:\// : /^127\.0\.0\.1:[1-9]\d*$/);
    await channel.ready(5_000);

    const { host } = await client(channel, HostService).getHost({ name: "sg-1" });
    t.equal(host?.name, "sg-1");
    t.equal(host?.runs[0]?.epoch, 9007199254740993n, "64 bits survive");
    t.ok((seen[0]?.deadlineMs ?? 0) > 10_000, "the client's default deadline arrives");
    t.match(seen[0]?.peer, listen === loopback ? /^127\.0\.0\.1:\d+$/ : /^unix$/);

    const many = Array.from({ length: 50 }, (_, at) => `host-${at}`);
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.name);
    process.on("warning", onWarning);
    const hosts = client(channel, HostService);
    const answers = await Promise.all(many.map((name) => hosts.getHost({ name })));
    t.same(
      answers.map((answer) => answer.host?.name),
      many,
      "many at once",
    );
    process.off("warning", onWarning);
    t.same(warnings, [], "without a warning of a leak");

    const epochs: bigint[] = [];
    for await (const { job } of client(channel, JobService).watchJob({ id: "job-1" })) {
      epochs.push(job?.epoch ?? -1n);
    }
    t.same(
      epochs,
      Array.from({ length: 100 }, (_, at) => BigInt(at)),
    );

    const requests = new AsyncQueue<AttachInit>(8);
    const told: string[] = [];
    requests.push(beat(1n));
    for await (const { message } of client(channel, AttachService).attach(requests)) {
      told.push(message.case ?? "none");
      if (told.length === 1) requests.push(beat(2n));
      if (told.length === 2) requests.end();
    }
    t.same(told, ["heartbeatAck", "heartbeatAck", "cancel"]);
    t.same(attached, ["heartbeat", "heartbeat"]);
  }
});

t.test("errors cross whole; faults cross without their text", async (t) => {
  const faults: Fault[] = [];
  const { channel, server } = await pair(
    t,
    [
      bind(HostService, {
        listHosts: async () => {
          throw new TypeError("secret of the house: /var/lib/quipu/keys");
        },
        getHost: async ({ name }) => {
          if (name === "long") {
            throw new QuipuError("CONFLICT", `half \ud83d${"\ud83d\ude00".repeat(4_000)}`, {
              next: "n".repeat(5_000),
              details: { huge: "x".repeat(50_000) },
            });
          }
          if (name === "cycle") {
            const details: Record<string, unknown> = { big: 1n };
            throw new QuipuError("FENCED", "not JSON", { details });
          }
          throw new QuipuError("REFUSED_BY_POLICY", "personal data stays in SG — no", {
            next: "choose a host in SG",
            details: { rule: "residency.personal", hosts: ["de-1"] },
          });
        },
      }),
    ],
    loopback,
    (fault) => faults.push(fault),
  );
  const hosts = client(channel, HostService);
  const refused = await failure(hosts.getHost({ name: "de-1" }));
  t.same(refused.toJSON(), {
    code: "REFUSED_BY_POLICY",
    kind: "terminal",
    message: "personal data stays in SG — no",
    next: "choose a host in SG",
    details: { rule: "residency.personal", hosts: ["de-1"] },
  });
  const long = await failure(hosts.getHost({ name: "long" }));
  t.equal(long.code, "CONFLICT");
  t.ok(long.message.length >= 500 && long.message.length <= 1_000, "shortened");
  t.same(long.details, {}, "details that do not fit are dropped");
  t.equal((await failure(hosts.getHost({ name: "cycle" }))).code, "FENCED");

  const fault = await failure(hosts.listHosts({}));
  t.equal(fault.code, "INTERNAL");
  t.equal(/secret|at .*\.js/.test(JSON.stringify(fault) + fault.message), false, "no text leaks");
  t.equal(faults.length, 1);
  t.equal(faults[0]?.method, "/quipu.v1.HostService/ListHosts");
  t.ok(fault.message.includes(faults[0]?.id ?? "?"), "the id leads to the log");

  const unknown = await failure(client(channel, JobService).getJob({ id: "job-1" }));
  t.equal(unknown.code, "NOT_FOUND", "a service that this server does not have");
  t.match(unknown.message, server.address);
});

t.test("messages over the limit are refused on either side, in any form", async (t) => {
  const { channel, server } = await pair(t, [
    bind(HostService, {
      ...hostHandlers,
      getHost: async ({ name }) => ({
        host: { receiptKey: new Uint8Array(limits.messageBytesMax), name: name.slice(0, 1) },
      }),
    }),
    bind(AttachService, {
      async *attach(requests) {
        for await (const _ of requests) yield { message: { case: "cancel", value: {} } };
      },
    }),
  ]);
  const hosts = client(channel, HostService);
  const sent = await failure(hosts.getHost({ name: "x".repeat(limits.messageBytesMax) }));
  t.equal(sent.code, "LIMIT_EXCEEDED", "refused before it is sent");
  const answered = await failure(hosts.getHost({ name: "x" }));
  t.equal(answered.code, "LIMIT_EXCEEDED", "the server's own answer is too large");

  const requests = new AsyncQueue<AttachInit>(1);
  requests.push({
    message: { case: "hello", value: { receiptKey: new Uint8Array(limits.messageBytesMax) } },
  });
  const stream = await failure(first(client(channel, AttachService).attach(requests)));
  t.equal(stream.code, "LIMIT_EXCEEDED", "one message ends its stream");
  t.equal(requests.closed, true, "and the source is told");

  // Clients without our checks: oversized, small but growing when unpacked, and no message at all.
  const large = Buffer.alloc(limits.messageBytesMax + 1);
  t.equal(await rawStatus(server.address, large), 8, "RESOURCE_EXHAUSTED");
  t.equal(await rawStatus(server.address, large, { [compression]: 2 }), 8);
  const garbage = Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]);
  t.equal(await rawStatus(server.address, garbage), 3, "the caller's fault");
});

const compression = "grpc.default_compression_algorithm";

/** Status number with which the server answers these bytes as a GetHostRequest. */
async function rawStatus(address: string, bytes: Buffer, options: ChannelOptions = {}) {
  const raw = new GrpcClient(address, ChannelCredentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
    ...options,
  });
  const same = (part: Buffer): Buffer => part;
  const path = "/quipu.v1.HostService/GetHost";
  const error = await new Promise<{ code?: number } | null>((resolve) => {
    raw.makeUnaryRequest(path, same, same, bytes, (failed) => resolve(failed));
  });
  raw.close();
  return error?.code;
}

t.test("cancellation and deadlines reach the handler, and only while it works", async (t) => {
  const told = new AsyncQueue<string>(8);
  const events = told[Symbol.asyncIterator]();
  const next = async (): Promise<string> => (await events.next()).value;
  const untilAborted = ({ signal }: CallContext): Promise<void> =>
    new Promise((resolve) => {
      told.push("working");
      signal.addEventListener("abort", () => {
        told.push((signal.reason as QuipuError).code);
        resolve();
      });
    });
  let answered: AbortSignal | undefined;
  const { channel } = await pair(t, [
    bind(HostService, {
      listHosts: async (_, context) => {
        answered = context.signal;
        return {};
      },
      getHost: async (_, context) => {
        await untilAborted(context);
        return {};
      },
    }),
    bind(JobService, {
      ...jobHandlers,
      async *watchJob(_, context) {
        yield {};
        await untilAborted(context);
      },
    }),
    bind(AttachService, {
      async *attach(requests) {
        yield { message: { case: "welcome", value: {} } };
        try {
          for await (const _ of requests) told.push("request");
        } catch (error) {
          told.push((error as QuipuError).code);
        }
      },
    }),
  ]);
  const hosts = client(channel, HostService);
  const stop = new AbortController();
  const pending = failure(hosts.getHost({}, { signal: stop.signal, deadlineMs: 60_000 }));
  t.equal(await next(), "working");
  stop.abort();
  t.equal((await pending).code, "CANCELLED");
  t.equal(await next(), "CANCELLED");
  const already = await failure(hosts.getHost({}, { signal: stop.signal }));
  t.equal(already.code, "CANCELLED", "a signal that aborted before the call");

  const late = await failure(hosts.getHost({}, { deadlineMs: 50 }));
  t.equal(late.code, "DEADLINE_EXCEEDED");
  t.equal(late.kind, "retryable");
  t.equal(await next(), "working");
  // The client's deadline passes a moment earlier, and its hanging up may arrive first.
  t.match(await next(), /^(DEADLINE_EXCEEDED|CANCELLED)$/);
  await hosts.listHosts({});
  t.equal(answered?.aborted, false, "a call that was answered is not aborted");

  await first(client(channel, JobService).watchJob({}));
  t.equal(await next(), "working", "a reader that leaves");
  t.equal(await next(), "CANCELLED", "cancels its stream");

  const requests = new AsyncQueue<AttachInit>(1);
  const attachment = client(channel, AttachService).attach(requests);
  const answers = attachment[Symbol.asyncIterator]();
  t.equal((await answers.next()).value?.message.case, "welcome");
  channel.close();
  t.equal((await failure(answers.next())).code, "CANCELLED", "closing a channel ends its streams");
  t.equal(requests.closed, true);
  t.equal(await next(), "CANCELLED", "and the server's reader learns of it");
});

t.test("a stream holds a bounded number of messages when its reader is slow", async (t) => {
  let produced = 0;
  let consumed = 0;
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const count = 2_000;
  const bytes = new Uint8Array(16 * 1024);
  const { channel } = await pair(t, [
    bind(JobService, {
      ...jobHandlers,
      async *watchJob() {
        for (; produced < count; produced += 1) yield { job: { spec: bytes } };
      },
    }),
    bind(AttachService, {
      async *attach(requests) {
        yield { message: { case: "welcome", value: {} } };
        await gate;
        for await (const _ of requests) consumed += 1;
      },
    }),
  ]);
  let received = 0;
  for await (const _ of client(channel, JobService).watchJob({})) {
    received += 1;
    if (received === 1) await settled(() => produced);
    if (received === 1)
      t.ok(produced < 1_000, `${produced} of ${count} before the reader reads on`);
  }
  t.equal(received, count, "and none is lost");

  let offered = 0;
  async function* offers(): AsyncGenerator<AttachInit> {
    const message: AttachInit["message"] = { case: "hello", value: { receiptKey: bytes } };
    for (; offered < count; offered += 1) yield { message };
  }
  const answers = client(channel, AttachService).attach(offers())[Symbol.asyncIterator]();
  await answers.next();
  await settled(() => offered);
  t.ok(offered < 1_000, `${offered} of ${count} before the server reads`);
  open();
  t.equal((await answers.next()).done, true);
  t.equal(consumed, count);
});

t.test("a server that stops, dies and comes back", async (t) => {
  const services = [
    bind(HostService, { ...hostHandlers, getHost: async ({ name }) => ({ host: { name } }) }),
    bind(AttachService, {
      async *attach(requests) {
        for await (const _ of requests) yield { message: { case: "welcome", value: {} } };
      },
    }),
  ];
  for (const listen of [loopback, `unix:${join(folder, "restart.sock")}`]) {
    const server = await serve({ listen, services });
    const channel = connect(server.address);
    t.teardown(() => channel.close());
    const requests = new AsyncQueue<AttachInit>(4);
    requests.push(beat(1n));
    const answers = client(channel, AttachService).attach(requests)[Symbol.asyncIterator]();
    t.equal((await answers.next()).value?.message.case, "welcome");
    await server.close();
    t.equal((await failure(answers.next())).code, "UNAVAILABLE", "an open stream ends");
    t.equal(requests.push(beat(2n)), false, "and its queue takes no more");

    const down = await failure(client(channel, HostService).getHost({ name: "sg-1" }));
    t.equal(down.code, "UNAVAILABLE");
    t.match(down.next, /quipu up/);
    t.ok(down.message.includes(server.address) && down.next?.includes(server.address));

    const again = await serve({ listen: server.address, services });
    await channel.ready(10_000);
    const { host } = await client(channel, HostService).getHost({ name: "sg-1" });
    t.equal(host?.name, "sg-1", "the same channel finds the new server");
    const taken = await failure(serve({ listen: server.address, services }));
    t.equal(taken.code, "PORT_TAKEN");
    t.ok(taken.next);
    t.equal((await client(channel, HostService).getHost({ name: "x" })).host?.name, "x");
    await again.close();
  }
});

t.test(
  "a socket file left by a dead process is replaced; anything else is left alone",
  async (t) => {
    const services = [bind(HostService, hostHandlers)];
    const path = join(folder, "stale.sock");
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", script]);
    t.equal(lstatSync(path).isSocket(), true, "the dead server left its socket");
    const server = await serve({ listen: `unix:${path}`, services });
    t.equal(lstatSync(path).mode & 0o777, 0o600, "only its owner may dial it");
    await server.close();
    t.equal(existsSync(path), false);

    writeFileSync(path, "precious");
    const file = await failure(serve({ listen: `unix:${path}`, services }));
    t.equal(file.code, "PORT_TAKEN");
    t.equal(readFileSync(path, "utf8"), "precious");
  },
);

t.test("plain text stays on this machine", async (t) => {
  const services = [bind(HostService, hostHandlers)];
  for (const address of ["0.0.0.0:0", "[::]:0", "192.0.2.1:7000", "example.org:7000"]) {
    const listening = await failure(serve({ listen: address, services }));
    t.equal(listening.code, "INSECURE_ENDPOINT", `listen on ${address}`);
    t.ok(listening.next);
    t.throws(() => connect(address), { code: "INSECURE_ENDPOINT" }, `dial ${address}`);
  }
});

t.test("client streaming, and a peer that accepts but never answers", async (t) => {
  const file = create(FileDescriptorProtoSchema, {
    name: "sum.proto",
    package: "test",
    syntax: "proto3",
    messageType: [{ name: "Number", field: [{ name: "value", number: 1, type: 3, label: 1 }] }],
    service: [
      {
        name: "Sum",
        method: [
          {
            name: "Add",
            inputType: ".test.Number",
            outputType: ".test.Number",
            clientStreaming: true,
          },
        ],
      },
    ],
  });
  const service = createFileRegistry(file, () => undefined).getService("test.Sum");
  if (service === undefined) throw new Error("the registry does not know its own service");
  const { channel } = await pair(t, [
    bind(service, {
      add: (async (numbers: AsyncIterable<{ value: bigint }>) => {
        let value = 0n;
        for await (const number of numbers) value += number.value;
        if (value < 0n) throw new QuipuError("DATA_INVALID", "negative");
        return { value };
      }) as never,
    }),
  ]);
  const { add } = client(channel, service) as unknown as {
    add(numbers: AsyncIterable<{ value: bigint }>): Promise<{ value: bigint }>;
  };
  async function* numbers(...values: bigint[]) {
    for (const value of values) yield { value };
  }
  t.equal((await add(numbers(1n, 2n, 39n))).value, 42n);
  t.equal((await failure(add(numbers(-1n)))).code, "DATA_INVALID");
  async function* broken() {
    yield { value: 1n };
    throw new QuipuError("IO", "the source broke");
  }
  t.equal((await failure(add(broken()))).code, "IO", "a source that breaks ends the call");

  const accepted: Socket[] = [];
  const mute = createServer((socket) => accepted.push(socket)).listen(0, "127.0.0.1");
  await new Promise((resolve) => mute.once("listening", resolve));
  const { port } = mute.address() as AddressInfo;
  const toMute = connect(`127.0.0.1:${port}`);
  t.equal((await failure(toMute.ready(100))).code, "UNAVAILABLE");
  const unanswered = await failure(client(toMute, HostService).getHost({}, { deadlineMs: 100 }));
  t.equal(unanswered.code, "DEADLINE_EXCEEDED");
  toMute.close();

  const server = await serve({ listen: loopback, services: [bind(HostService, hostHandlers)] });
  const silent = connectTcp(Number(server.address.split(":")[1]), "127.0.0.1");
  await new Promise((resolve) => silent.once("connect", resolve));
  const preface = connectTcp(Number(server.address.split(":")[1]), "127.0.0.1");
  preface.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await new Promise((resolve) => preface.once("data", resolve));
  await server.close(10);
  t.ok(true, "peers that say nothing do not hold a server that stops");
  silent.destroy();
  preface.destroy();
  for (const socket of accepted) socket.destroy();
  mute.close();
});

const house = makeCertificates(folder, "house");
const stranger = makeCertificates(folder, "stranger");
const tlsTest =
  house === undefined || stranger === undefined ? { skip: "openssl 3 makes its certificates" } : {};

t.test("with credentials both sides prove themselves", tlsTest, async (t) => {
  if (house === undefined || stranger === undefined) return;
  const services = [bind(HostService, { ...hostHandlers, listHosts: async () => ({}) })];
  const server = await serve({ listen: "0.0.0.0:0", services, credentials: house });
  t.teardown(() => server.close(0));
  const address = server.address.replace("0.0.0.0", "127.0.0.1");
  const list = async (credentials?: TlsCredentials): Promise<unknown> => {
    const channel = connect(address, credentials === undefined ? {} : { credentials });
    try {
      return await client(channel, HostService).listHosts({}, { deadlineMs: 5_000 });
    } finally {
      channel.close();
    }
  };
  t.ok(await list(house), "beyond loopback, with TLS");
  t.equal((await failure(list())).code, "UNAVAILABLE", "plain text gets no answer");
  t.equal((await failure(list(stranger))).code, "UNAVAILABLE", "nor does a stranger");
  const disguised = { ...stranger, authorities: house.authorities };
  t.equal(
    (await failure(list(disguised))).code,
    "UNAVAILABLE",
    "who knows the house but not it him",
  );
});

/** Resolves when a counter has stood still for several turns of the loop. */
async function settled(counter: () => number): Promise<void> {
  let last = -1;
  while (last !== counter()) {
    last = counter();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
