import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";
import fc from "fast-check";
import { sql } from "kysely";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { openDurableFolder } from "../src/io/store/durable-folder.js";
import {
  type Leadership,
  requireLeadership,
  takeLeadership,
} from "../src/io/store/leader-lease.js";
import { LogDatabase } from "../src/io/store/log-database.js";
import { parsePostgresAddress } from "../src/io/store/postgres-address.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { openSqlite } from "../src/io/store/sqlite.js";
import { openStateFolder } from "../src/io/store/state-folder.js";
import { failure } from "./failure.js";
import { logInStorage } from "./log-suite.js";
import { PostgresServer } from "./postgres-server.js";
import { keepsAudits } from "./store-audits.js";
import {
  endsInDoubt,
  killedServer,
  lostAnswers,
  refusals,
  twoLeaders,
  twoOpeners,
} from "./store-replicas.js";
import {
  type Checks,
  fencesLeaders,
  keepsAllOrNothing,
  keepsFacts,
  keepsPilots,
  keepsPolicies,
  undoesOnlyChanges,
} from "./store-suite.js";

const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array | undefined) =>
  content === undefined ? undefined : new TextDecoder().decode(content);
const refused = (expected: string) => ({ name: "QuipuError", code: expected });

t.test("a durable folder replaces whole files and forgets crashed writes", async (t) => {
  const path = join(root, "durable");
  const folder = await openDurableFolder(path);
  await folder.put("a.json", bytes("one"));
  await folder.put("a.json", bytes("two"));
  await folder.put("b", bytes(""));
  t.equal(text(await folder.get("a.json")), "two");
  t.same(await folder.names(), ["a.json", "b"]);
  await folder.delete("b");
  await folder.delete("b");
  t.equal(await folder.get("b"), undefined);
  writeFileSync(join(path, ".put-1-1"), "half");
  const again = await openDurableFolder(path);
  t.same(readdirSync(path), ["a.json"], "what a crashed put left is gone");
  t.equal(text(await again.get("a.json")), "two");
  for (const name of ["", ".hidden", "../x", "a/b", "x".repeat(201)]) {
    await t.rejects(folder.put(name, bytes("x")), refused("INVALID_ARGUMENT"), name.slice(0, 20));
  }
});

t.test("a state folder has one holder, one kind, and no newer version", async (t) => {
  const path = join(root, "state");
  const held = await openStateFolder(path, { kind: "agent", version: 1 });
  await t.rejects(openStateFolder(path, { kind: "agent", version: 1 }), refused("STATE_LOCKED"));
  await held.close();
  await held.close();
  await t.rejects(openStateFolder(path, { kind: "coordinator", version: 1 }), refused("CONFLICT"));
  await (await openStateFolder(path, { kind: "agent", version: 2 })).close();
  await t.rejects(openStateFolder(path, { kind: "agent", version: 1 }), refused("STATE_NEWER"));
  writeFileSync(join(path, "state.json"), "not json");
  await t.rejects(openStateFolder(path, { kind: "agent", version: 2 }), refused("STATE_NEWER"));
  writeFileSync(join(root, "file"), "");
  const below = join(root, "file", "state");
  const failed = await openStateFolder(below, { kind: "agent", version: 1 }).catch(
    (error: unknown) => error as QuipuError,
  );
  t.ok(failed instanceof QuipuError);
  t.match(failed, { code: "STATE_NOT_WRITABLE", next: /folder/ });
});

t.test("a killed holder lets go at once; a living one does not", async (t) => {
  const path = join(root, "killed");
  const module = pathToFileURL(
    fileURLToPath(new URL("../src/io/store/state-folder.js", import.meta.url)),
  ).href;
  const child = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { openStateFolder } from ${JSON.stringify(module)};
       await openStateFolder(${JSON.stringify(path)}, { kind: "agent", version: 1 });
       process.stdout.write("held"); setInterval(() => {}, 1000);`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  t.teardown(() => child.kill("SIGKILL"));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  await t.rejects(openStateFolder(path, { kind: "agent", version: 1 }), {
    code: "STATE_LOCKED",
    message: new RegExp(`process ${child.pid}`),
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
  const taken = await openStateFolder(path, { kind: "agent", version: 1 });
  await taken.close();
  t.pass("taken over");
});

t.test("a full disk keeps the old content and leaves nothing half-written", async (t) => {
  const disk = join(root, "small-disk");
  mkdirSync(disk);
  const module = new URL("../src/io/store/durable-folder.js", import.meta.url).href;
  const script = join(root, "fill.mjs");
  writeFileSync(
    script,
    `import { openDurableFolder } from ${JSON.stringify(module)};
     import { readdirSync } from "node:fs";
     const folder = await openDurableFolder("${disk}/spool");
     await folder.put("run", new TextEncoder().encode("sealed"));
     const full = await folder.put("run", new Uint8Array(1 << 20)).catch((error) => error);
     const other = await folder.put("other", new Uint8Array(1 << 20)).catch((error) => error);
     const kept = new TextDecoder().decode(await folder.get("run"));
     const files = readdirSync("${disk}/spool");
     await folder.put("small", new Uint8Array(10));
     const { code, next } = full;
     console.log(JSON.stringify({ code, other: other.code, next, kept, files }));`,
  );
  // A file system of 64 KiB, in a mount namespace of its own.
  const mount = `mount -t tmpfs -o size=64k tmpfs ${disk} && exec ${process.execPath} ${script}`;
  const child = spawnSync("unshare", ["-rm", "sh", "-c", mount], { encoding: "utf8" });
  if (child.status !== 0 && /unshare|mount/.test(child.stderr ?? "unshare")) {
    t.ok(true, "SKIPPED: this machine lets nobody mount a small file system", { skip: true });
    return;
  }
  t.match(JSON.parse(child.stdout), {
    code: "DISK_FULL",
    other: "DISK_FULL",
    next: /free space/,
    kept: "sealed",
    files: ["run"],
  });
});

const server = await PostgresServer.start();
t.teardown(() => server?.close());

/** Each backing with the address of an empty store. */
const backings: Readonly<Record<string, (name: string) => string>> = {
  SQLite: (name) => join(root, `${name}.db`),
  ...(server === undefined ? {} : { PostgreSQL: () => server.newDatabase() }),
};

for (const [backing, fresh] of Object.entries(backings)) {
  t.test(`${backing} keeps all of a transaction or none`, (t) =>
    keepsAllOrNothing(t, fresh("transactions")),
  );
  t.test(`${backing} undoes only what has changed something`, (t) =>
    undoesOnlyChanges(t, fresh("refusals")),
  );
  t.test(`${backing} keeps every kind of fact`, (t) => keepsFacts(t, fresh("facts")));
  t.test(`${backing} keeps policy sets and counts uses`, (t) => keepsPolicies(t, fresh("law")));
  t.test(`${backing} keeps audits`, (t) => keepsAudits(t, fresh("audits")));
  t.test(`${backing} keeps pilots`, (t) => keepsPilots(t, fresh("pilots")));
  t.test(`${backing} fences leaders`, (t) => fencesLeaders(t, fresh("leaders")));
  t.test(`${backing} keeps a log`, async (t) => {
    const where = fresh("log");
    const store = await openCoordinatorStore(where);
    const other = backing === "SQLite" ? store : await openCoordinatorStore(where);
    let opened = 0;
    await logInStorage(t, async () => new LogDatabase(opened++ === 0 ? store : other));
    await other.close();
    if (other !== store) await store.close();
  });
  t.test(`${backing} refuses what a newer program changed`, async (t) => {
    const where = fresh("newer");
    await (await openCoordinatorStore(where)).close();
    const name = new URL(where, "file:").pathname.slice(1);
    const future = "insert into kysely_migration (name, timestamp) values ('9999-future', 'x')";
    if (backing === "SQLite") {
      const { default: Database } = await import("libsql");
      const raw = new Database(where);
      raw.exec(future);
      raw.close();
    } else {
      server?.sql(name, future);
    }
    t.equal((await failure(openCoordinatorStore(where))).code, "STATE_NEWER");
  });
}

t.test("SQLite leaves nothing in its files of what was erased", async (t) => {
  const path = join(root, "erased.sqlite");
  const seed = "the seed of a receipt";
  const isThere = () => {
    const files = readdirSync(root).filter((name) => name.startsWith("erased.sqlite"));
    return files.some((name) => readFileSync(join(root, name)).includes(seed));
  };
  const { db, close } = await openSqlite(path);
  await sql`create table told (id integer primary key, said blob)`.execute(db);
  for (const size of [100, 6_000]) {
    const said = Buffer.concat([Buffer.from(seed), Buffer.alloc(size)]);
    await sql`insert into told (said) values (${said})`.execute(db);
  }
  await close();
  t.equal(isThere(), true);
  const again = await openSqlite(path);
  await sql`update told set said = ${Buffer.alloc(0)}`.execute(again.db);
  await again.close();
  t.equal(isThere(), false);
});

t.test("several coordinators over one PostgreSQL", async (t) => {
  if (server === undefined) {
    t.ok(true, "SKIPPED: PostgreSQL is not installed (Debian: postgresql-15)", { skip: true });
    return;
  }
  const proofs: Readonly<Record<string, (t: Checks, server: PostgresServer) => Promise<void>>> = {
    "two openers lose no update and give no position twice": twoOpeners,
    "nobody takes over in mid-transaction": twoLeaders,
    "a commit whose answer is lost is done once": lostAnswers,
    "a commit in doubt at the end is told as such": endsInDoubt,
    "a server killed in mid-commit loses and doubles nothing": killedServer,
    "what cannot be opened is told by its code": refusals,
  };
  for (const [name, proof] of Object.entries(proofs)) await t.test(name, (t) => proof(t, server));
});

t.test("whatever is asked in whatever order, only the newest leader acts", async (t) => {
  const step = fc.record({
    holder: fc.constantFrom("one", "two", "three"),
    act: fc.constantFrom("take", "take", "write"),
    leaseMs: fc.integer({ min: 1, max: 50 }),
    passedMs: fc.integer({ min: -20, max: 40 }), // the database's clock may jump back
  });
  let [takeovers, refusals] = [0, 0];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const believed = new Map<string, number>();
      let now = 1_000;
      let led: Leadership | undefined;
      let newest = 0; // epoch of the last write
      for (const { holder, act, leaseMs, passedMs } of steps) {
        now += passedMs;
        if (act === "write") {
          const epoch = believed.get(holder) ?? 0;
          try {
            requireLeadership(led, epoch);
          } catch {
            if (led?.holder === holder) return false; // the leader itself is never refused
            refusals += 1;
            continue;
          }
          if (led?.holder !== holder || epoch < newest) return false;
          newest = epoch;
          continue;
        }
        const before: Leadership | undefined = led;
        const taken = takeLeadership(before, { holder, leaseMs, address: holder, keys: "" }, now);
        if (taken.holder !== taken.address) return false;
        if (taken === before) {
          if (before.holder === holder) return false;
          if (before.leaseEndsAtMs <= now) return false;
          continue;
        }
        const moved = before?.holder !== holder;
        if (moved && before !== undefined && now < before.leaseEndsAtMs) return false;
        if (taken.epoch !== (before?.epoch ?? 0) + (moved ? 1 : 0)) return false;
        if (moved && before !== undefined) takeovers += 1;
        believed.set(holder, taken.epoch);
        led = taken;
      }
      return true;
    }),
  );
  t.ok(takeovers > 10 && refusals > 10, "both were seen");
});

t.test("an address of a database says all, and never its password", async (t) => {
  const pool = (text: string) => parsePostgresAddress(text).pool;
  t.match(pool("postgres://u:p%40ss@127.0.0.1:5/db?pool_max=3&statement_timeout_ms=100"), {
    ...{ host: "127.0.0.1", port: 5, user: "u", password: "p@ss", database: "db", ssl: false },
    ...{ max: 3, statement_timeout: 100 },
  });
  t.match(pool("postgresql:///db?host=/run/pg&user=u"), {
    host: "/run/pg",
    ssl: false,
    port: 5432,
  });
  t.match(pool("postgres://u@db.example/d"), { ssl: { rejectUnauthorized: true } });
  t.match(pool("postgres://u@[::1]/"), { host: "::1", database: "u", ssl: false });
  const wrong = {
    "postgres://u:secret@db.example/d?sslmode=disable": "INSECURE_ENDPOINT",
    "postgres://u:secret@h/d?sslmode=require": "INVALID_ARGUMENT",
    "postgres://u:secret@h/d?poolmax=3": "INVALID_ARGUMENT",
    "postgres://u:secret@h/d?pool_max=1e3": "INVALID_ARGUMENT",
    "postgres://u:secret@h/d?sslrootcert=/nowhere": "NOT_FOUND",
    "postgres://u:secret%ff@h/d": "INVALID_ARGUMENT",
    "postgres://u:secret@h:99999/d": "INVALID_ARGUMENT",
    "postgres:///d?host=/run&sslmode=verify-full": "INVALID_ARGUMENT",
  };
  for (const [address, code] of Object.entries(wrong)) {
    const error = await failure(openCoordinatorStore(address));
    t.equal(error.code, code, address);
    t.notMatch(inspect(error, { depth: 9 }), "secret", address);
  }
  const nobody = await failure(openCoordinatorStore("postgres://u:secret@127.0.0.1:1/d"));
  t.match(nobody, { code: "UNAVAILABLE", next: /./ });
  t.notMatch(inspect(nobody, { depth: 9 }), "secret");
});
