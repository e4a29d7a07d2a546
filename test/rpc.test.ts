/** The rpc room: each kind of call over TCP and unix sockets, its errors and limits, and who may call. */
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChannelCredentials, type ChannelOptions, Client as GrpcClient } from "@grpc/grpc-js";
import t from "tap";
import { AsyncQueue } from "../src/base/async-queue.js";
import { QuipuError } from "../src/base/errors.js";
import { limits } from "../src/base/limits.js";
import { AttachService } from "../src/gen/quipu/v1/attach_pb.js";
import { HostService } from "../src/gen/quipu/v1/fleet_pb.js";
import { JobService } from "../src/gen/quipu/v1/jobs_pb.js";
import { client, connect } from "../src/io/rpc/client.js";
import type { TlsCredentials } from "../src/io/rpc/credentials.js";
import { serve } from "../src/io/rpc/server.js";
import type { Fault } from "../src/io/rpc/server-call.js";
import { bind, type CallContext } from "../src/io/rpc/service.js";
import { failure } from "./failure.js";
import {
  type AttachInit,
  beat,
  first,
  folder,
  hostHandlers,
  jobHandlers,
  loopback,
  pair,
} from "./rpc-world.js";
import { makeCertificates } from "./tls-certificates.js";

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
        ...hostHandlers,
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
