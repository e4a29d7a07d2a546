import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import t from "tap";
import { AsyncQueue } from "../src/base/async-queue.js";
import { QuipuError } from "../src/base/errors.js";
import type { AttachRequestSchema } from "../src/gen/quipu/v1/attach_pb.js";
import type { HostService } from "../src/gen/quipu/v1/fleet_pb.js";
import type { JobService } from "../src/gen/quipu/v1/jobs_pb.js";
import { type Channel, connect } from "../src/io/rpc/client.js";
import { type RpcServer, type ServeOptions, serve } from "../src/io/rpc/server.js";
import type { Fault } from "../src/io/rpc/server-call.js";
import type { Handlers } from "../src/io/rpc/service.js";

export const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

export const loopback = "127.0.0.1:0";
export const notAsked = async (): Promise<never> => {
  throw new QuipuError("NOT_FOUND", "this test does not answer that");
};
export const hostHandlers: Handlers<typeof HostService> = {
  listHosts: notAsked,
  getHost: notAsked,
  cordonHost: notAsked,
  uncordonHost: notAsked,
  revokeKey: notAsked,
};
export const jobHandlers: Handlers<typeof JobService> = {
  submitJobs: notAsked,
  planJobs: notAsked,
  explainHost: notAsked,
  getJob: notAsked,
  listJobs: notAsked,
  watchJob: () => new AsyncQueue(1),
  cancelJob: notAsked,
  eraseReceipt: notAsked,
  getJobLogs: () => new AsyncQueue(1),
  grantOutputs: notAsked,
};

/** A started server and a channel to it, both ended with the test. */
export async function pair(
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

export type AttachInit = MessageInitShape<typeof AttachRequestSchema>;

export function beat(sequence: bigint): AttachInit {
  return { message: { case: "heartbeat", value: { sequence } } };
}

export async function first<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item;
  return undefined;
}
