import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import t from "tap";
import { AsyncQueue } from "../src/base/async-queue.js";
import { QuipuError } from "../src/base/errors.js";
import { AttachService } from "../src/gen/quipu/v1/attach_pb.js";
import { HostService } from "../src/gen/quipu/v1/fleet_pb.js";
import { JobService } from "../src/gen/quipu/v1/jobs_pb.js";
import { client, connect } from "../src/io/rpc/client.js";
import { serve } from "../src/io/rpc/server.js";
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
      ...hostHandlers,
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

/** Resolves when a counter has stood still for several turns of the loop. */
async function settled(counter: () => number): Promise<void> {
  let last = -1;
  while (last !== counter()) {
    last = counter();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
