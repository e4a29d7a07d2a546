/** Durable entries a second: our log in a folder and a table of PostgreSQL, in turns on one disk. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Pool } from "pg";
import { sha256 } from "../src/base/bytes.js";
import { nativeSha256Many } from "../src/compute/native/sha256-many.js";
import { newSigner } from "../src/io/identity/signer.js";
import { LogFolder } from "../src/io/store/log-folder.js";
import { Sequencer } from "../src/proof/tlog/sequencer.js";
import type { PostgresServer } from "../test/postgres-server.js";
import { median } from "./harness.js";
import type { Said } from "./result.js";

/** About what the entry of a receipt has. */
const entryBytes = 380;
/** Submitters, each with one entry under way: two batches. */
const inFlight = 16_384;
const rowsAnInsert = 1_000;
const clients = 16;
const rateMin = 100_000;
const p99MsMax = 250;
const ratioMin = 4;
const singleP95MsMax = 1_000;

/** `count` entries, none like another. */
function entriesOf(count: number): Uint8Array[] {
  const [base, seed] = [Buffer.from(randomBytes(entryBytes)), Buffer.from(randomBytes(16))];
  return Array.from({ length: count }, (_, i) => {
    const entry = new Uint8Array(base);
    entry.set(seed);
    new DataView(entry.buffer).setUint32(16, i);
    return entry;
  });
}

interface Taken {
  readonly perSecond: number;
  /** Of each entry, from its append to its durable checkpoint; ascending. */
  readonly times: Float64Array;
}

const atShare = (times: Float64Array, share: number): number =>
  times[Math.floor((times.length - 1) * share)] as number;

async function appendAll(log: Sequencer, entries: readonly Uint8Array[], submitters: number) {
  const times = new Float64Array(entries.length);
  let next = 0;
  const start = performance.now();
  const submitter = async (): Promise<void> => {
    for (let at = next++; at < entries.length; at = next++) {
      const begun = performance.now();
      await log.append(entries[at] as Uint8Array);
      times[at] = performance.now() - begun;
    }
  };
  await Promise.all(Array.from({ length: submitters }, submitter));
  const perSecond = (entries.length / (performance.now() - start)) * 1_000;
  return { perSecond, times: times.sort() } satisfies Taken;
}

type Insert = (pool: Pool, entries: readonly Uint8Array[]) => Promise<void>;

const manyRows: Insert = async (pool, entries) => {
  for (let at = 0; at < entries.length; at += rowsAnInsert * clients) {
    const inserts = Array.from({ length: clients }, (_, i) => at + i * rowsAnInsert)
      .map((from) => entries.slice(from, from + rowsAnInsert))
      .filter((rows) => rows.length > 0);
    await Promise.all(
      inserts.map((rows) => {
        const text = "insert into log (leaf, entry) select * from unnest($1::bytea[], $2::bytea[])";
        const leaves = rows.map((row) => Buffer.from(sha256(row)));
        return pool.query(text, [leaves, rows.map((row) => Buffer.from(row))]);
      }),
    );
  }
};

const oneRow: Insert = async (pool, entries) => {
  let next = 0;
  const client = async (): Promise<void> => {
    for (let at = next++; at < entries.length; at = next++) {
      const entry = entries[at] as Uint8Array;
      const values = [Buffer.from(sha256(entry)), Buffer.from(entry)];
      const text = "insert into log (leaf, entry) values ($1, $2)";
      await pool.query({ name: "insert", text, values });
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
};

async function rateOf(pool: Pool, insert: Insert, count: number): Promise<number> {
  const entries = entriesOf(count);
  const start = performance.now();
  await insert(pool, entries);
  return (count / (performance.now() - start)) * 1_000;
}

const figure = (value: number): string => Math.round(value).toLocaleString("en");

export async function appendLines(
  folder: string,
  server: PostgresServer | undefined,
  quick: boolean,
): Promise<Said[]> {
  const store = await LogFolder.open(join(folder, "log"));
  const clock = { wallMs: () => Date.now(), bootMs: () => performance.now() };
  const signer = newSigner("ed25519");
  const origin = "log.example.com/bench";
  const hashMany = nativeSha256Many();
  const log = await Sequencer.open({ store, signer, origin, clock, ...(hashMany && { hashMany }) });
  const pool = server && new Pool({ connectionString: server.newDatabase(), max: clients });
  const primary = "index bigint generated always as identity primary key";
  await pool?.query(`create table log (${primary}, leaf bytea unique, entry bytea)`);
  const [rounds, count] = quick ? [3, 5 * inFlight] : [7, 20 * inFlight];
  await appendAll(log, entriesOf(2 * inFlight), inFlight);
  const ours: Taken[] = [];
  const many: number[] = [];
  const single: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await appendAll(log, entriesOf(count), inFlight));
    if (pool === undefined) continue;
    many.push(await rateOf(pool, manyRows, count / 2));
    single.push(await rateOf(pool, oneRow, quick ? 2_000 : 20_000));
  }
  const alone = await appendAll(log, entriesOf(quick ? 50 : 300), 1);
  await pool?.end();
  const rates = ours.map(({ perSecond }) => perSecond);
  const p99Ms = median(ours.map(({ times }) => atShare(times, 0.99)));
  const perSecond = median(rates);
  const p95Ms = atShare(alone.times, 0.95);
  const against = (name: string, peers: readonly number[]): Said => {
    if (peers.length === 0) return { name, said: "not installed (Debian: postgresql-15)" };
    const ratio = median(rates.map((rate, i) => rate / (peers[i] as number)));
    const said = `${figure(median(peers))} a second, ours ${ratio.toFixed(2)} times`;
    return { name, said, goal: `>= ${ratioMin} times`, held: ratio >= ratioMin };
  };
  return [
    {
      name: "L1 durable entries in batches",
      said: `${figure(perSecond)} a second (${figure(Math.min(...rates))} to ${figure(Math.max(...rates))})`,
      ...{ goal: `>= ${figure(rateMin)}`, held: perSecond >= rateMin },
    },
    {
      name: "L1 receipt to checkpoint, at that rate",
      said: `p50 ${median(ours.map(({ times }) => atShare(times, 0.5))).toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms`,
      ...{ goal: `p99 <= ${p99MsMax} ms`, held: p99Ms <= p99MsMax },
    },
    against(`L1 PostgreSQL, ${clients} clients, a row each`, single),
    against(`L1 PostgreSQL, ${clients} clients, ${figure(rowsAnInsert)} rows each`, many),
    {
      name: "L1 one submitter alone",
      said: `p50 ${atShare(alone.times, 0.5).toFixed(1)} ms, p95 ${p95Ms.toFixed(1)} ms`,
      ...{ goal: `p95 < ${singleP95MsMax} ms`, held: p95Ms < singleP95MsMax },
    },
  ];
}
