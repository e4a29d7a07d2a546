/** Which runs read a data set, from every leaf of a log; repeated offline by whoever holds an export. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t, { type Test } from "tap";
import { listStatements } from "../src/coordinator/api/list-statements.js";
import { revokeKey } from "../src/coordinator/log/host-keys.js";
import type { ListStatementsRequest, ListStatementsResponse } from "../src/gen/quipu/v1/log_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import { auditDataSet, type Question } from "../src/proof/lineage/audit.js";
import { entryOf, receiptKeyId } from "../src/proof/receipt/envelope.js";
import { openCheckpoint } from "../src/proof/tlog/checkpoint.js";
import { cosignNote, parseNote } from "../src/proof/tlog/note.js";
import { formatVerifierKey, verifierKeyOf } from "../src/proof/tlog/verifier-key.js";
import { runIn } from "./cli-run.js";
import { failure } from "./failure.js";
import { ForgedLog, logKey as forgedKey } from "./forged-log.js";
import { foldersOf, heldOf, logKeyText, mixed, offline, read, worldOf } from "./lineage-world.js";

const world = await worldOf(mixed);
const { all, ...log } = await read(world);
const { head } = log;
t.teardown(() => world.store.close());

async function cli(folder: string, ...argv: string[]) {
  const { code, stdout, stderr } = await runIn(folder, [...argv, "--json"]);
  return { code, stderr, json: JSON.parse(stdout) };
}

t.test("every run that read a data set, whatever became of it, and no other", async (t) => {
  const held = heldOf(all);
  const people = await auditDataSet({ dataSet: "people" }, { ...log, held });
  t.match(people, { entries: 7, opened: 7, unknown: 0, altered: [] });
  t.match(people.runs, [
    { index: 0, host: "sg-1", country: "SG", site: "private", grade: "operator-asserted" },
    { index: 4, outcome: "cancelled", outputs: [] },
  ]);
  t.match(people.runs[0]?.outputs, [{ name: "manifest.json", digest: /^sha256:/ }]);
  const manifest = people.runs[0]?.inputs[0]?.digest;
  const named = await auditDataSet({ dataSet: "people", manifest }, { ...log, held });
  t.same(
    named.runs.map(({ index }) => index),
    [0, 1, 3, 4],
    "the same files under their other name too",
  );
  const other = await auditDataSet(
    { dataSet: "people", manifest: `sha256:${"0".repeat(64)}` },
    { ...log, held },
  );
  t.same(other.runs, [], "other files of its name");
  const none = await auditDataSet({ dataSet: "nobody" }, { ...log, held });
  t.same(none.runs, []);
});

t.test("what is not held is unknown, and no claim about all holds then", async (t) => {
  const subset = fc.subarray([...all]);
  const countries = fc.subarray(["DE", "SG"]);
  const dataSet = fc.constantFrom("people", "open");
  await fc.assert(
    fc.asyncProperty(subset, countries, dataSet, async (some, neverOutside, name) => {
      const question: Question = { dataSet: name, neverOutside };
      const found = await auditDataSet(question, { ...log, held: heldOf(some) });
      const known = some.map(({ index }) => index);
      const read = known.filter((index) => mixed[index]?.dataSet === name);
      const isOutside = (index: number) => !neverOutside.includes(mixed[index]?.country ?? "SG");
      const broken = read.some(isOutside);
      const verdict = broken ? "broken" : known.length < 7 ? "incomplete" : "holds";
      return (
        found.opened === known.length &&
        found.unknown === 7 - known.length &&
        found.runs.map(({ index }) => index).join() === read.join() &&
        found.claim?.verdict === verdict &&
        found.claim.outside.length === read.filter(isOutside).length
      );
    }),
    { numRuns: 60 },
  );
  t.pass("by 60 random choices");
});

t.test("nobody who holds statements or serves the log is believed", async (t) => {
  const question: Question = { dataSet: "open", neverOutside: ["SG"] };
  const [first, second] = all;
  if (first === undefined || second === undefined) throw new Error("no statements");
  const ask = (statements: typeof all, of = head) =>
    auditDataSet(question, { ...log, head: of, held: heldOf(statements) });
  const honest = await ask(all);
  t.match(honest.claim, { verdict: "broken", text: "1 run outside {SG} among 7 of 7 entries" });

  const swapped = await ask(all.map((one) => (one === second ? { ...first, index: 1 } : one)));
  t.match(swapped, { unknown: 1, altered: [{ index: 1, fault: /another statement/ }] });
  t.match(swapped.claim, {
    verdict: "incomplete",
    text: "no run outside {SG} among 6 of 7 entries; 1 entry unknown",
  });
  const torn = { ...second, envelope: second.envelope.subarray(1) };
  t.match((await ask([first, torn])).altered, [{ index: 1 }]);
  t.equal((await failure(ask([second, first]))).code, "VERIFICATION_FAILED", "out of order");
  t.equal((await failure(ask([first, first]))).code, "VERIFICATION_FAILED", "twice");

  const root = head.root.map((byte, at) => (at === 31 ? byte ^ 1 : byte));
  t.match(await failure(ask(all, { ...head, root })), { code: "VERIFICATION_FAILED" });
  t.match(await failure(ask([], { ...head, root })), { message: /7 leaves do not lead/ });
});

t.test("the coordinator gives what it holds in the log's order, a page at a time", async (t) => {
  const ask = async (firstIndex: bigint, endIndex = 0n, core = world.coordinator.core) => {
    const asked = { firstIndex, endIndex } as ListStatementsRequest;
    return (await listStatements(core)(asked, {
      signal: new AbortController().signal,
      peer: "unix",
    })) as ListStatementsResponse;
  };
  const indexes = ({ statements }: ListStatementsResponse) =>
    statements.map(({ logIndex }) => Number(logIndex));
  t.same(indexes(await ask(0n)), [0, 1, 2, 3, 4, 5, 6]);
  t.match(await ask(0n), { nextIndex: undefined });
  t.same(indexes(await ask(1n, 3n)), [1, 2]);
  t.match(await ask(1n, 3n), { nextIndex: undefined });
  t.same(indexes(await ask(7n)), []);
  t.equal((await failure(ask(-1n))).code, "INVALID_ARGUMENT");

  const held = (await ask(0n)).statements.map(({ publicKey }) => Buffer.from(publicKey));
  t.same(held.slice(5), [held[5], held[5]], "the last two are the coordinator's own");
  t.notSame(held[4], held[5]);

  // Of statements so large that a message holds but two, and of more than a page, none is left out.
  const { receipts } = world.store;
  const all = await receipts.logged(0, 0, 5);
  const large = new Uint8Array(1_500_000);
  const storeOf = (count: number, envelope: Uint8Array) => ({
    ...world.store,
    notices: { ...world.store.notices, logged: async () => [] },
    receipts: {
      ...receipts,
      logged: async (first: number, _: number, limit: number) =>
        Array.from({ length: count }, (_, at) => ({ ...all[0], logIndex: at * 2, envelope }))
          .filter(({ logIndex }) => logIndex >= first)
          .slice(0, limit),
    },
  });
  for (const [count, envelope, pages] of [
    [5, large, 3],
    [150, large.subarray(0, 9), 3],
    [128, large.subarray(0, 9), 3],
  ] as const) {
    const { core } = world.coordinator;
    const changed = { ...core, ports: { ...core.ports, store: storeOf(count, envelope) } };
    const seen: number[] = [];
    let next: bigint | undefined = 0n;
    let asked = 0;
    for (; next !== undefined && asked < 9; asked += 1) {
      const page: ListStatementsResponse = await ask(next, 0n, changed as unknown as typeof core);
      seen.push(...indexes(page));
      next = page.nextIndex;
    }
    t.same(
      seen,
      Array.from({ length: count }, (_, at) => at * 2),
    );
    t.equal(asked, pages);
  }
});

t.test("an audit is made and exported offline, and made again by a third party", async (t) => {
  const folder = await foldersOf(world);
  t.teardown(() => rmSync(folder, { recursive: true }));
  const audit = (...more: string[]) =>
    cli(folder, "audit", "dataset", "open", ...offline(folder), ...more);

  t.match(await audit(), { code: 0, json: { claim: null, runs: [{ index: 1 }, { index: 3 }] } });
  const to = join(folder, "export");
  const made = await audit("--never-outside", "DE,SG", "--to", to);
  t.match(made, { code: 0, json: { opened: 7, claim: { verdict: "holds" } } }, made.stderr);
  const broken = await audit("--never-outside", "SG");
  t.match(broken, { code: 6, json: { claim: { verdict: "broken", outside: [/^run-/] } } });
  t.equal((await audit("--never-outside", "Chile")).code, 2);
  t.match(await audit("--to", to), { code: 1, json: { error: { code: "ALREADY_EXISTS" } } });

  const check = (...more: string[]) => cli(folder, "audit", "check", to, ...more);
  const pem = readdirSync(join(to, "held")).find((one) => one.endsWith(".notice.pem")) ?? "";
  const pinned = ["--log-key", logKeyText, "--notice-key", join(to, "held", pem)];
  t.same(await check(...pinned), { ...made, stderr: "" }, "the same, word for word");
  t.match(await check(), {
    code: 0,
    stderr: /the log key came with .*\n.*the notice key came with .* pin it with --notice-key/,
  });
  const [bundle = ""] = readdirSync(join(to, "held")).filter((one) =>
    one.endsWith("sigstore.json"),
  );
  const alone = await cli(folder, "verify", join(to, "held", bundle));
  t.match(alone, { code: 0, json: { ok: true } }, "each bundle of it is a receipt of its own");
  const page = await runIn(folder, ["audit", "check", to]);
  t.match(page.stdout, /no run outside \{DE, SG\} among 7 of 7 entries: the claim holds/);
  await refusesChanges(t, to, check);

  for (const name of readdirSync(join(folder, "held")).filter((one) => /sigstore/.test(one))) {
    const path = join(folder, "held", name);
    const bytes = readFileSync(path);
    rmSync(path);
    const less = await audit("--never-outside", "SG,DE");
    t.match(less, { code: 1, json: { unknown: 1, claim: { verdict: "incomplete" } } });
    writeFileSync(path, bytes);
  }
  writeFileSync(join(folder, "held", "odd.sigstore.json"), "{}");
  const odd = await audit();
  t.match(odd, {
    code: 6,
    json: { error: { message: /odd\.sigstore\.json: not a receipt bundle/ } },
  });
});

t.test("an audit demands the witnesses that whoever makes it chose", async (t) => {
  const folder = await foldersOf(world);
  t.teardown(() => rmSync(folder, { recursive: true }));
  const signer = newSigner("ed25519");
  const file = join(folder, "chosen.policy");
  const key = formatVerifierKey(verifierKeyOf(signer, "w.example", "witness"));
  writeFileSync(file, `witness w ${key}\nquorum w\n`);
  const to = join(folder, "export");
  const asked = ["audit", "dataset", "open", ...offline(folder), "--witnesses", file];
  const bare = await cli(folder, ...asked);
  t.match(bare, { code: 6, json: { error: { message: /quorum .* not met: nobody cosigned it/ } } });
  const path = join(folder, "log", "checkpoint");
  const note = readFileSync(path, "utf8");
  const line = cosignNote(parseNote(note).text, "w.example", signer, 1_800_000_000);
  writeFileSync(path, note + line);
  t.match(await cli(folder, ...asked, "--to", to), { code: 0 });
  t.match(await cli(folder, "audit", "check", to), { code: 0 });
  writeFileSync(join(to, "log", "checkpoint"), note);
  t.match(
    await cli(folder, "audit", "check", to),
    { code: 6 },
    "the export says who was asked for",
  );
});

t.test("keys count as the acts in the log say", async (t) => {
  const world = await worldOf([{ dataSet: "people" }]);
  t.teardown(() => world.store.close());
  const { core } = world.coordinator;
  const keyId = receiptKeyId(core.hosts.get("sg-1")?.receiptKey ?? new Uint8Array());
  await revokeKey(core, "sg-1", { reason: "sold", keyId });
  await world.advance(300);
  const [receipt] = (await read(world)).all;
  if (receipt === undefined) throw new Error("no receipt");
  const entry = entryOf(receipt.envelope, receipt.publicKey);
  const { index } = await world.log.append(entry);
  const question = { dataSet: "people", neverOutside: ["SG"] };
  const { all, ...log } = await read(world);
  const late = await auditDataSet(question, {
    ...log,
    held: heldOf([...all, { ...receipt, index }]),
  });
  t.match(late, {
    runs: [{ index: 0 }],
    unregistered: [],
    altered: [{ index, fault: /was revoked at entry/ }],
    claim: { verdict: "incomplete" },
  });

  const alone = new ForgedLog().grow([Buffer.from(entry).toString()]);
  const head = openCheckpoint(alone.note(), [forgedKey]);
  const held = heldOf([receipt]);
  const strange = await auditDataSet(question, { ...log, reader: alone.reader(), head, held });
  t.match(strange, { opened: 1, unregistered: [strange.runs[0]?.runId] });
  t.match(strange.claim, { verdict: "incomplete", text: /1 run by a key that no entry registers/ });
  const notices = [receipt.publicKey];
  const forged = await auditDataSet(question, {
    ...{ ...log, reader: alone.reader(), head, held },
    noticeKeys: notices,
  });
  t.match(forged, { runs: [], altered: [{ index: 0, fault: /with a coordinator's key/ }] });
});

/** Any file of an export that is changed or lost is noticed. */
async function refusesChanges(
  t: Test,
  folder: string,
  check: () => Promise<{ code: number; json: object }>,
): Promise<void> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    // What lies beside the bundles is for `quipu verify`; an audit has it from the log.
    .filter((path) => !/(pem|tlog-proof|trusted_root\.json)$/.test(path));
  t.ok(files.length >= 8);
  for (const path of files) {
    const bytes = readFileSync(path);
    const changed = Uint8Array.from(bytes);
    const at = Math.floor(bytes.length / 2);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(path, changed);
    t.not((await check()).code, 0, `${path} changed`);
    rmSync(path);
    t.not((await check()).code, 0, `${path} lost`);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, bytes);
  }
  t.equal((await check()).code, 0);
}
