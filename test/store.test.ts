import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { openDurableFolder } from "../src/io/store/durable-folder.js";
import { openStateFolder } from "../src/io/store/state-folder.js";

const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array | undefined) =>
  content === undefined ? undefined : new TextDecoder().decode(content);
const code = (expected: string) => ({ name: "QuipuError", code: expected });

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
    await t.rejects(folder.put(name, bytes("x")), code("INVALID_ARGUMENT"), name.slice(0, 20));
  }
});

t.test("a state folder has one holder, one kind, and no newer version", async (t) => {
  const path = join(root, "state");
  const held = await openStateFolder(path, { kind: "agent", version: 1 });
  await t.rejects(openStateFolder(path, { kind: "agent", version: 1 }), code("STATE_LOCKED"));
  await held.close();
  await held.close();
  await t.rejects(openStateFolder(path, { kind: "coordinator", version: 1 }), code("CONFLICT"));
  await (await openStateFolder(path, { kind: "agent", version: 2 })).close();
  await t.rejects(openStateFolder(path, { kind: "agent", version: 1 }), code("STATE_NEWER"));
  writeFileSync(join(path, "state.json"), "not json");
  await t.rejects(openStateFolder(path, { kind: "agent", version: 2 }), code("STATE_NEWER"));
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
