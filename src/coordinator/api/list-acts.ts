import { timestampMs } from "@bufbuild/protobuf/wkt";
import { timestamp } from "../../base/clock.js";
import type { ListActsRequest, LogService } from "../../gen/quipu/v1/log_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Act } from "../../model/notice.js";
import { parseEnvelope } from "../../proof/receipt/envelope.js";
import { parsePayload } from "../../proof/receipt/notice.js";
import { isAct } from "../log/notices.js";
import { entryIndex } from "./entry-index.js";
import type { Durable } from "./log-service.js";

const actsPerPage = 64;
/** Ends of jobs stand between acts: so many of either are looked at for one page. */
const noticesPerPage = 1024;

/** As they are in the store: whoever asks checks each against the log. */
export function listActs({ ports }: Durable): Handlers<typeof LogService>["listActs"] {
  return async (asked) => {
    const { notices } = ports.store;
    const looked = await notices.logged(entryIndex(asked.firstIndex), noticesPerPage);
    const found = looked.filter(({ id, envelope }) => isAct(id) && isAsked(actIn(envelope), asked));
    const page = found.slice(0, actsPerPage);
    const isCut = found.length > page.length;
    const last = isCut ? page.at(-1) : looked.at(-1);
    const isMore = isCut || looked.length === noticesPerPage;
    return {
      acts: page.map(({ logIndex = -1, envelope, key }) => {
        return { logIndex: BigInt(logIndex), envelope, publicKey: key };
      }),
      ...(isMore ? { nextIndex: BigInt((last?.logIndex ?? 0) + 1) } : {}),
    };
  };
}

function actIn(envelope: Uint8Array): Act | undefined {
  const stated = parsePayload(parseEnvelope(envelope).payload);
  return "notice" in stated && "kind" in stated.notice.predicate
    ? (stated.notice as Act)
    : undefined;
}

function isAsked(act: Act | undefined, { kind, about, since }: ListActsRequest): boolean {
  if (act === undefined) return false;
  const { predicate, subject } = act;
  const [{ name }] = subject;
  const isAbout = about === "" || name === about || name.endsWith(` ${about}`);
  const isSince = since === undefined || predicate.at >= timestamp(timestampMs(since));
  return isAbout && isSince && (kind === "" || predicate.kind === kind);
}
