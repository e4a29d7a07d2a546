/** `quipu log acts`: what operators did and the coordinator decided, each act proved to be in the log. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { errorCodes, QuipuError } from "../../base/errors.js";
import type { HeldStatement as HeldMessage } from "../../gen/quipu/v1/log_pb.js";
import { type Act, actKinds } from "../../model/notice.js";
import { type AlteredLeaf, openLeaf, proveLeaf } from "../../proof/lineage/open-leaves.js";
import { openSource, type Source } from "../audit/source.js";
import type { Context, Invocation, VerbAction } from "../context.js";
import { wholeNumber } from "../number-option.js";
import { type Column, printable } from "../table.js";
import { timeOf } from "../time-option.js";

interface ActLine {
  readonly index: number;
  readonly at: string;
  readonly kind: string;
  readonly about: string;
  readonly digest: string;
  readonly details: Readonly<Record<string, string>>;
}

export const action: VerbAction = async (context, { options }) => {
  const limit = wholeNumber(options.limit, "--limit", 1);
  const source = await openSource(context, options);
  const { origin, size } = source.head;
  const acts: ActLine[] = [];
  const altered: AlteredLeaf[] = [];
  let [next, newest]: [number | null, number] = [null, -1];
  for await (const message of listed(context, options)) {
    const index = Number(message.logIndex);
    if (index <= newest) throw repeated(index);
    newest = index;
    if (index >= size) break; // no proof leads there yet
    if (acts.length + altered.length === limit) {
      next = index;
      break;
    }
    const line = await proved(source, message);
    if ("fault" in line) altered.push(line);
    else acts.push(line);
  }
  const none = "no such act is in the log";
  context.output.table({ origin, size, acts, altered, next }, acts, columns, none);
  if (next !== null) context.output.note(`there are more; next: quipu log acts --from ${next}`);
  if (altered.length === 0) return 0;
  const entries = altered.map(({ index, fault }) => `${index} (${printable(fault)})`).join(", ");
  context.output.note(`left out: entries whose statement does not hold: ${entries}`);
  return errorCodes.VERIFICATION_FAILED.exit;
};

async function* listed(
  context: Context,
  { kind, about, since, from }: Invocation["options"],
): AsyncGenerator<HeldMessage> {
  const { log } = await context.coordinator();
  const sinceMs = timeOf("since", since);
  const asked = {
    kind: kindOf(kind),
    about: String(about ?? ""),
    ...(sinceMs === undefined ? {} : { since: timestampFromMs(sinceMs) }),
  };
  let next: bigint | undefined = BigInt(wholeNumber(from, "--from", 0));
  while (next !== undefined) {
    const firstIndex: bigint = next;
    const page = await log.listActs({ ...asked, firstIndex }, { signal: context.signal });
    yield* page.acts;
    next = page.nextIndex;
    if (next !== undefined && next <= firstIndex) throw repeated(next);
  }
}

function repeated(index: number | bigint): QuipuError {
  return new QuipuError("DATA_INVALID", `the coordinator repeats entry ${index}`, {
    next: "ask whoever runs the coordinator",
  });
}

/** The act, where it is the very one of its entry, that entry is in the log, and its signer may state it. */
async function proved(
  { reader, head, noticeKeys }: Source,
  { logIndex, envelope, publicKey }: HeldMessage,
): Promise<ActLine | AlteredLeaf> {
  const index = Number(logIndex);
  const [leaf = new Uint8Array()] = await reader.leafHashes(index, index + 1, head.size);
  const opened = openLeaf({ index, envelope, publicKey }, leaf, noticeKeys);
  if ("fault" in opened) return opened;
  await proveLeaf(reader, head, opened);
  const { stated } = opened;
  if (!("notice" in stated) || !("kind" in stated.notice.predicate)) {
    return { index, fault: "it is no act" };
  }
  const { predicate, subject } = stated.notice as Act;
  const { at, kind, details } = predicate;
  const [{ name, digest }] = subject;
  return { index, at, kind, about: name, digest: `sha256:${digest.sha256}`, details };
}

const columns: readonly Column<ActLine>[] = [
  { title: "entry", cell: ({ index }) => `${index}`, right: true },
  { title: "at", cell: ({ at }) => at },
  { title: "kind", cell: ({ kind }) => kind },
  { title: "about", cell: ({ about }) => printable(about) },
  { title: "details", cell: detailsText },
];

const detailCharsMax = 60;

/** What the subject says already is not said twice. */
function detailsText({ about, details }: ActLine): string {
  return Object.entries(details)
    .filter(([, text]) => text !== "" && !about.endsWith(` ${text}`))
    .map(([name, text]) => {
      const isLong = text.length > detailCharsMax;
      return printable(`${name} ${isLong ? `${text.slice(0, detailCharsMax)}…` : text}`);
    })
    .join(", ");
}

function kindOf(option: unknown): string {
  const kind = String(option ?? "");
  if (kind === "" || (actKinds as readonly string[]).includes(kind)) return kind;
  throw new QuipuError("USAGE", `--kind ${kind} is no kind of act`, {
    next: `choose one of ${actKinds.join(" ")}`,
  });
}
