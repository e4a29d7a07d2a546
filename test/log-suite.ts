/** What a log does whatever stores it; run over a folder and over databases. */
import { equalBytes, toHex } from "../src/base/bytes.js";
import { newSigner } from "../src/io/identity/signer.js";
import { fsckLog } from "../src/proof/tlog/fsck.js";
import { emptyRoot } from "../src/proof/tlog/hash.js";
import { Sequencer } from "../src/proof/tlog/sequencer.js";
import type { LogStore } from "../src/proof/tlog/store.js";
import { failure } from "./failure.js";
import type { Checks } from "./store-suite.js";

export const origin = "log.example.com/quipu";
export const clock = { wallMs: () => 1_795_392_000_000, bootMs: () => 0 };
export const signer = newSigner("ed25519");

export const entry = (i: number): Uint8Array => new TextEncoder().encode(`entry ${i}`);
export const entriesUpTo = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => entry(i));

export async function openLog(store: LogStore): Promise<Sequencer> {
  return Sequencer.open({ store, signer, origin, clock });
}

/** Opens the log anew and checks that it holds each acknowledged entry at its index, once. */
export async function inspect(
  t: Pick<Checks, "same">,
  store: LogStore,
  acknowledged: ReadonlyMap<number, Uint8Array>,
  what: string,
): Promise<Sequencer> {
  const log = await openLog(store);
  const { size } = log.head();
  const entries = await log.entries(0, size);
  const lost = [...acknowledged].filter(
    ([i, bytes]) => !equalBytes(entries[i] ?? emptyRoot(), bytes),
  );
  const distinct = new Set(entries.map(toHex));
  t.same([lost.length, distinct.size], [0, size], `${what}: nothing lost, nothing doubled`);
  const report = await fsckLog((path) => store.read(path), [log.verifierKey]);
  t.same([report.ok, report.problems, report.size], [true, [], size], `${what}: fsck is clean`);
  return log;
}

/** `open` opens the same storage each time, as another process would. */
export async function logInStorage(t: Checks, open: () => Promise<LogStore>): Promise<void> {
  const store = await open();
  t.equal(await store.committed(), undefined);
  const log = await openLog(store);
  await Promise.all(entriesUpTo(255).map((bytes) => log.append(bytes)));
  await log.append(entry(255));
  await log.append(entry(256));
  t.equal(await store.read("tile/0/000.p/255"), undefined, "partials dropped");
  t.equal((await store.read("tile/0/001.p/1"))?.length, 32);
  const published = new TextDecoder().decode(await store.read("checkpoint"));
  t.equal(published, log.head().checkpoint);
  const again = await open();
  await inspect(t, again, new Map([[256, entry(256)]]), "opened again");
  const { size, root } = log.head();
  t.equal(await store.staged({ size, root: toHex(root) }), undefined, "stage dropped");
  await store.publish("tile/0/000", (await store.read("tile/0/000")) as Uint8Array);
  const other = store.publish("tile/0/000", new Uint8Array(8192));
  t.equal((await failure(other)).code, "LOG_CORRUPT");
  t.equal((await failure(store.compareAndSwap("something else", "x"))).code, "CONFLICT");
  t.equal((await failure(store.compareAndSwap(undefined, "x"))).code, "CONFLICT");
  const outside = Promise.resolve().then(() => store.publish("tile/0/../../x", new Uint8Array(1)));
  t.equal((await failure(outside)).code, "INVALID_ARGUMENT");
  t.equal(await store.read("../commits/000000000001"), undefined);
  const [one, two] = [await openLog(store), await openLog(again)];
  const both = await Promise.allSettled([one.append(entry(1000)), two.append(entry(1001))]);
  const lost = both.find((outcome) => outcome.status === "rejected");
  t.equal(lost?.reason.code, "CONFLICT", "two processes, one log: one of them commits");
  t.equal(both.filter(({ status }) => status === "fulfilled").length, 1);
  await inspect(t, again, new Map([[256, entry(256)]]), "after two writers");
}
