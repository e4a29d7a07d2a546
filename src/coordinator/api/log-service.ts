/**
 * The service that answers from what is durable alone: the database and the published log. So a coordinator
 * that stands by answers it itself, and as the leader would: every row and every entry that an answer
 * anywhere has spoken of was committed before, and is read after the question came.
 */
import type { Signer } from "../../base/signature.js";
import { LogService } from "../../gen/quipu/v1/log_pb.js";
import { type Binding, bind } from "../../io/rpc/service.js";
import type { LogHead } from "../../proof/tlog/sequencer.js";
import type { PublishedLog } from "../log/published-log.js";
import type { CoordinatorOptions, CoordinatorPorts } from "../ports.js";
import { discloseReceipt } from "./disclose-receipt.js";
import { getLogHead } from "./get-log-head.js";
import { getReceipt } from "./get-receipt.js";
import { listActs } from "./list-acts.js";
import { listStatements } from "./list-statements.js";
import { listUsage } from "./list-usage.js";

/** As much of a coordinator as there is where it stands by. */
export interface Durable {
  readonly ports: Pick<CoordinatorPorts, "store"> & {
    readonly log: ReadableLog;
    readonly noticeSigner: Pick<Signer, "publicKey">;
  };
  readonly options: Pick<CoordinatorOptions, "tilesUrl">;
}

interface ReadableLog
  extends Pick<PublishedLog, "inclusion" | "leafHashes" | "verifierKey" | "policyText"> {
  head(): LogHead | Promise<LogHead>;
}

export function logService(durable: Durable): Binding {
  return bind(LogService, {
    getLogHead: getLogHead(durable),
    getReceipt: getReceipt(durable),
    discloseReceipt: discloseReceipt(durable),
    listUsage: listUsage(durable),
    listStatements: listStatements(durable),
    listActs: listActs(durable),
  });
}
