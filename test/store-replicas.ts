/** What several coordinators over one PostgreSQL may rely on; run by store.test.ts. */
import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";
import { type CoordinatorStore, ledStore } from "../src/io/store/coordinator-store.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { CommitThief } from "./commit-thief.js";
import { failure } from "./failure.js";
import type { PostgresServer } from "./postgres-server.js";
import { type Checks, jobRecord } from "./store-suite.js";

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const digest = jobRecord.specDigest;

/** Admits a job behind all others, as a coordinator does. */
const admit = (store: CoordinatorStore, id: string): Promise<void> =>
  store.transact(async ({ jobs }) => {
    const position = (await jobs.lastPosition()) + 1;
    await jobs.insert([{ ...jobRecord, id, position }]);
  });

/** Adds one to a number that every work of every opener changes. */
const count = (store: CoordinatorStore): Promise<number> =>
  store.transact(async ({ logFiles }) => {
    const before = Number((await logFiles.head()) ?? 0);
    await logFiles.putHead(`${before + 1}`);
    return before + 1;
  });

export async function twoOpeners(t: Checks, server: PostgresServer): Promise<void> {
  const address = server.newDatabase();
  const stores = await Promise.all(range(2).map(() => openCoordinatorStore(address)));
  const works = stores.flatMap((store, opener) =>
    range(40).map(async (i) => {
      // In small groups, so that commits of both are under way at the same time.
      if (i % 5 === 0) await delay(i);
      await admit(store, `job-${opener}-${i}`);
      return await count(store);
    }),
  );
  const counted = await Promise.all(works);
  t.equal(new Set(counted).size, 80, "no update is lost");
  t.equal(Math.max(...counted), 80);
  const [one] = stores as [CoordinatorStore];
  const jobs = await one.jobs.list(1_000, Number.MAX_SAFE_INTEGER);
  t.equal(new Set(jobs.map(({ position }) => position)).size, 80, "no position is given twice");
  const keys = stores.map((store) =>
    store.transact(async ({ submissions }) => {
      const known = await submissions.get("once");
      if (known !== undefined) return "known";
      await submissions.insert({ key: "once", digest, jobIds: [] });
      return "made";
    }),
  );
  t.same((await Promise.all(keys)).sort(), ["known", "made"], "one key, made once");
  for (const store of stores) await store.close();
}

/** Nobody takes over while a transaction of the leader is under way. */
export async function twoLeaders(t: Checks, server: PostgresServer): Promise<void> {
  const address = server.newDatabase();
  const [one, two] = [await openCoordinatorStore(address), await openCoordinatorStore(address)];
  const take = async (store: CoordinatorStore, holder: string) => {
    const claim = { holder, leaseMs: 60_000, address: "", keys: "" };
    const leader = await store.transact((tables) => tables.leader.take(claim));
    return leader.holder === holder ? leader.epoch : undefined;
  };
  const taken = await Promise.all([take(one, "one"), take(two, "two")]);
  t.same([...taken].sort(), [1, undefined], "of two that take at once one leads");
  const [first, second] = taken[0] === 1 ? [one, two] : [two, one];
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const dispatch = ledStore(first, 1).transact(async ({ submissions }) => {
    begin();
    await ended; // a work must wait for nothing; this one is slow on purpose
    await submissions.insert({ key: "last act", digest, jobIds: [] });
  });
  await begun;
  const takeover = take(second, "next");
  t.equal(await Promise.race([takeover, delay(50, "waits")]), "waits");
  end();
  await dispatch;
  t.equal(await takeover, undefined, "its lease runs");
  await first.transact(({ leader }) => leader.resign(1));
  t.equal(await take(second, "next"), 2);
  const late = await failure(
    ledStore(first, 1).transact(({ submissions }) =>
      submissions.insert({ key: "too late", digest, jobIds: [] }),
    ),
  );
  t.equal(late.code, "FENCED");
  t.ok((await second.submissions.get("last act")) !== undefined);
  t.equal(await second.submissions.get("too late"), undefined);
  for (const store of [one, two]) await store.close();
}

/** A commit whose answer is lost is done once, and its caller hears so. */
export async function lostAnswers(t: Checks, server: PostgresServer): Promise<void> {
  const address = new URL(server.newDatabase());
  const thief = await CommitThief.open(Number(address.port));
  address.port = `${thief.port}`;
  const store = await openCoordinatorStore(address.href);
  for (const theft of ["answer", "message", "answer", "message"] as const) {
    const before = thief.thefts;
    thief.arm(theft);
    const numbers = await Promise.all([count(store), count(store)]);
    t.equal(thief.thefts, before + 1, `the ${theft} was stolen`);
    t.same(numbers, [2 * thief.thefts - 1, 2 * thief.thefts], "and each was done once");
  }
  t.equal(await store.logFiles.head(), "8");
  await store.close();
  thief.close();
}

/** A server that is killed at any moment: what was answered is true, after its restart too. */
export async function killedServer(t: Checks, server: PostgresServer): Promise<void> {
  const address = server.newDatabase();
  const store = await openCoordinatorStore(address);
  const kept: string[] = [];
  const refused: string[] = [];
  const codes = new Set<string>();
  let over = false;
  const load = range(8).map(async (client) => {
    for (let i = 0; !over; i += 1) {
      const key = `${client}-${i}`;
      const submission = { key, digest, jobIds: [] };
      try {
        await store.transact(({ submissions }) => submissions.insert(submission));
        kept.push(key);
      } catch (thrown) {
        refused.push(key);
        codes.add((thrown as { code: string }).code);
        await delay(5);
      }
    }
  });
  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    const before = kept.length;
    while (kept.length < before + 20) await delay(5);
    await server.end(signal);
    const down = await failure(store.check());
    t.equal(down.code, "UNAVAILABLE", "it says that the database does not answer");
    await server.launch();
  }
  const before = kept.length;
  while (kept.length < before + 20) await delay(5);
  over = true;
  await Promise.all(load);
  await store.check();
  const found = await Promise.all(kept.map((key) => store.submissions.get(key)));
  t.equal(found.filter((one) => one === undefined).length, 0, "nothing acknowledged is lost");
  const ghosts = await Promise.all(refused.map((key) => store.submissions.get(key)));
  t.equal(ghosts.filter((one) => one !== undefined).length, 0, "nothing refused has happened");
  t.same(
    [...codes].filter((code) => code !== "UNAVAILABLE"),
    [],
  );
  await store.close();
}

/** While a commit is in doubt nothing else is taken on; whoever ends then does not know. */
export async function endsInDoubt(t: Checks, server: PostgresServer): Promise<void> {
  const address = new URL(server.newDatabase());
  const thief = await CommitThief.open(Number(address.port));
  address.port = `${thief.port}`;
  const store = await openCoordinatorStore(address.href);
  thief.arm("message");
  const doubtful = failure(count(store));
  thief.close(); // the connection that there is lives on; there will be no other
  while (thief.thefts === 0) await delay(5);
  for (let said = ""; !/about a commit/.test(said); await delay(5)) {
    said = await store.check().then(String, ({ message }: Error) => message);
  }
  t.equal((await failure(count(store))).code, "UNAVAILABLE");
  await store.close();
  const { code, details } = await doubtful;
  t.same({ code, details }, { code: "UNAVAILABLE", details: { outcome: "unknown" } });
}

export async function refusals(t: Checks, server: PostgresServer): Promise<void> {
  const address = server.newDatabase();
  const changed = (change: (url: URL) => void): string => {
    const url = new URL(address);
    change(url);
    return url.href;
  };
  const wrong = {
    PERMISSION_DENIED: changed((url) => {
      url.password = "wrong-secret";
    }),
    NOT_FOUND: changed((url) => {
      url.pathname = "/nothing";
    }),
    INSECURE_ENDPOINT: changed((url) => {
      url.search = "?sslmode=verify-full";
    }),
  };
  for (const [code, where] of Object.entries(wrong)) {
    const error = await failure(openCoordinatorStore(where));
    t.equal(error.code, code);
    t.ok(!inspect(error, { depth: 9 }).includes(new URL(where).password), "without its password");
  }
  const store = await openCoordinatorStore(changed((url) => url.searchParams.set("pool_max", "2")));
  const name = new URL(address).pathname.slice(1);
  server.sql(name, "alter table hosts add column later text"); // as a newer program does
  t.same(await store.hosts.all(), []);
  server.sql(name, `insert into log_leaves values ('far', ${2n ** 60n})`);
  const far = await failure(store.logIndex.get("far" as never));
  t.equal(far.code, "INTERNAL", "no number is silently rounded");
  await store.close();
}
