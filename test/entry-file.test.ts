/** The file that an agent's journal and spool lie in. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { openEntryFile } from "../src/io/store/entry-file.js";

const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array | undefined) =>
  content === undefined ? undefined : new TextDecoder().decode(content);
const refused = (expected: string) => ({ name: "QuipuError", code: expected });

t.test("entries of one file share syncs, and a cut-short write is forgotten", async (t) => {
  const path = join(root, "entries", "runs.entries");
  const file = await openEntryFile(path);
  const [journal, spool] = [file.section("journal"), file.section("spool")];
  await Promise.all([
    journal.put("a.1", bytes("one")),
    spool.put("a.1", bytes("sealed")),
    journal.put("a.1", bytes("two")),
    journal.put("b.1", bytes("")),
  ]);
  await Promise.all([journal.delete("b.1"), journal.delete("none")]);
  t.equal(text(await journal.get("a.1")), "two");
  t.equal(text(await spool.get("a.1")), "sealed", "sections are apart");
  t.same(await journal.names(), ["a.1"]);
  await t.rejects(journal.put("../x", bytes("x")), refused("INVALID_ARGUMENT"));
  const big = new Uint8Array(300_000).fill(7);
  for (let turn = 0; turn < 40; turn += 1) await spool.put("big", big);
  t.ok(statSync(path).size < 10 * 1024 * 1024, "what no longer counts is left behind");
  await file.close();
  await t.rejects(journal.put("late", bytes("x")), refused("INTERNAL"));
  const again = await openEntryFile(path);
  t.equal((await again.section("spool").get("big"))?.length, 300_000);
  t.equal(text(await again.section("journal").get("a.1")), "two");
  t.equal(again.cutBytes, 0);
  await again.section("journal").put("c.1", bytes("three"));
  await again.close();
  const rotten = readFileSync(path);
  const at = rotten.indexOf("three");
  rotten[at] = 0;
  writeFileSync(path, rotten);
  const cut = await openEntryFile(path);
  t.equal(await cut.section("journal").get("c.1"), undefined);
  t.equal(text(await cut.section("journal").get("a.1")), "two", "what stands before it counts");
  t.ok(cut.cutBytes > 5 && readFileSync(`${path}.cut`).includes("hree"), "what follows is kept");
  await cut.close();
  writeFileSync(path, "something else");
  await t.rejects(openEntryFile(path), refused("DATA_INVALID"));
});

t.test("after a crash at any byte an entry file holds what was answered", async (t) => {
  const path = join(root, "torn.entries");
  const change = fc.record({
    name: fc.constantFrom("a", "b", "c"),
    // Ends in no zero, so that the end of the last record can be seen.
    content: fc.option(
      fc.uint8Array({ maxLength: 40 }).map((some) => Uint8Array.from([...some, 1])),
      { nil: undefined },
    ),
  });
  const batches = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(), fc.boolean(), async (told, where, isGarbage) => {
      rmSync(path, { force: true });
      const file = await openEntryFile(path);
      const section = file.section("s");
      await section.put("first", bytes("1"));
      const states = [new Map([["first", "31"]])];
      let answered = 0;
      let answeredAt = 0;
      for (const [i, batch] of told.entries()) {
        if (i === told.length - 1) [answered, answeredAt] = [states.length - 1, usedBytes(path)];
        for (const { name, content } of batch) {
          const next = new Map(states.at(-1));
          if (content === undefined) next.delete(name);
          else next.set(name, Buffer.from(content).toString("hex"));
          states.push(next);
        }
        await Promise.all(
          batch.map(({ name, content }) =>
            content === undefined ? section.delete(name) : section.put(name, content),
          ),
        );
      }
      await file.close();
      if (told.length === 0) return;
      // The last batch was being written: some of its bytes are there, or others are.
      const whole = readFileSync(path);
      const cut = answeredAt + (where % (usedBytes(path) - answeredAt + 1));
      whole.fill(isGarbage ? 0xa5 : 0, cut);
      writeFileSync(path, whole);
      const after = await openEntryFile(path);
      const found = new Map<string, string>();
      for (const name of await after.section("s").names()) {
        const content = await after.section("s").get(name);
        found.set(name, Buffer.from(content ?? []).toString("hex"));
      }
      await after.section("s").put("z", bytes("goes on"));
      await after.close();
      const allowed = states.slice(answered).map((state) => JSON.stringify([...state].sort()));
      if (!allowed.includes(JSON.stringify([...found].sort()))) throw new Error("another state");
    }),
    { numRuns: 60 },
  );
  t.end();
});

/** Up to the zeros behind the last record; contents here end in none. */
function usedBytes(path: string): number {
  if (!existsSync(path)) return 0;
  const content = readFileSync(path);
  let end = content.length;
  while (end > 0 && content[end - 1] === 0) end -= 1;
  return end;
}
