import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { eraseReceipts } from "../log/erase-receipts.js";

export function eraseReceipt(core: Core): Handlers<typeof JobService>["eraseReceipt"] {
  return async ({ jobId, reason }) => ({ runIds: [...(await eraseReceipts(core, jobId, reason))] });
}
