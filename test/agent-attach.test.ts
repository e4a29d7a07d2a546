/** The agent's stream to its coordinator, over a real connection, and what it says of its host there. */
import { create } from "@bufbuild/protobuf";
import t from "tap";
import type { Agent } from "../src/agent/agent.js";
import { AttachLink } from "../src/agent/attach.js";
import { inventoryMessage, sampleMessage } from "../src/agent/telemetry-message.js";
import type { ErrorCode } from "../src/base/errors.js";
import { seededRandom } from "../src/base/random.js";
import {
  AttachRequestSchema,
  AttachResponseSchema,
  AttachService,
} from "../src/gen/quipu/v1/attach_pb.js";
import { serve } from "../src/io/rpc/server.js";
import { bind } from "../src/io/rpc/service.js";

t.test("the stream is dialled again after each loss, and says why it was lost", async (t) => {
  let hellos = 0;
  const service = bind(AttachService, {
    async *attach(requests) {
      for await (const { message } of requests) {
        if (message.case !== "hello") continue;
        hellos += 1;
        const times = { coordinatorVersion: "1", heartbeatMs: 1000n, leaseMs: 10_000n };
        yield create(AttachResponseSchema, { message: { case: "welcome", value: times } as never });
      }
    },
  });
  const first = await serve({ listen: "127.0.0.1:0", services: [service] });
  const codes: ErrorCode[] = [];
  const link = new AttachLink({
    addresses: [first.address],
    random: seededRandom(1),
    observe: ({ code }) => void codes.push(code),
  });
  let welcomed: () => void = () => {};
  let lost: () => void = () => {};
  const agent = {
    connected: () => {
      link.send(create(AttachRequestSchema, { message: { case: "hello", value: {} } as never }));
    },
    received: () => welcomed(),
    disconnected: () => lost(),
  } as unknown as Agent;
  const once = (set: (resolve: () => void) => void) => new Promise<void>((resolve) => set(resolve));
  let next = once((resolve) => {
    welcomed = resolve;
  });
  const serving = link.serve(agent);
  await next;
  next = once((resolve) => {
    welcomed = resolve;
  });
  link.drop("the test says so");
  await next;
  t.equal(hellos, 2);
  const gone = once((resolve) => {
    lost = resolve;
  });
  await first.close(0);
  await gone;
  next = once((resolve) => {
    welcomed = resolve;
  });
  const second = await serve({ listen: first.address, services: [service] });
  await next;
  t.ok(codes.length >= 2);
  t.ok(
    codes.every((code) => code === "UNAVAILABLE"),
    codes.join(),
  );
  link.close();
  await serving;
  await second.close(0);
});

t.test("what is not known of a host stays unknown on the wire", (t) => {
  const gpu = {
    device: "cuda:0",
    model: "x",
    utilization: Number.NaN,
    memoryUsedBytes: Number.NaN,
    memoryTotalBytes: 5,
    temperatureCelsius: 1,
    powerWatts: 2,
  };
  const sample = sampleMessage({ atMs: 1.4, disks: [], networks: [], gpus: [gpu], faults: [] });
  t.same([sample.atMs, sample.cpu, sample.gpus[0]?.memoryUsedBytes], [1n, undefined, -1n]);
  t.ok(Number.isNaN(sample.gpus[0]?.utilization));
  const inventory = inventoryMessage({
    hostname: "h",
    os: "o",
    kernel: "k",
    cpuModel: "c",
    cpuCores: 2,
    memoryBytes: 9,
    devices: [{ id: "cpu", model: "c", memoryBytes: 9, backends: ["portable"], slots: 3 }],
    agentVersion: "1",
    dataSets: [{ name: "digits" }],
    driverVersion: "",
  });
  t.same(inventory.devices[0]?.backends, ["portable"]);
  t.equal(inventory.dataSets[0]?.name, "digits");
  t.end();
});
