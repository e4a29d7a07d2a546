/** `quipu/tlog` as others use it: the program of docs/tlog.md, by name, from a folder elsewhere. */
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { packageRoot } from "./real-fleet.js";

/** The block of this language in the page. */
function blockOf(page: string, language: string): string {
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms").exec(page)?.[1] ?? "";
}

t.test("the documented program runs by the library's name", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quipu-library-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(packageRoot, join(folder, "node_modules", "quipu"));
  const page = readFileSync(join(packageRoot, "docs", "tlog.md"), "utf8");
  writeFileSync(join(folder, "program.mjs"), blockOf(page, "js"));
  const { stdout, stderr } = spawnSync(process.execPath, ["program.mjs"], {
    cwd: folder,
    encoding: "utf8",
  });
  t.equal(stderr, "");
  t.equal(stdout, blockOf(page, "text"));
});

t.test("it brings nothing along but what is below it", async (t) => {
  const room = join(packageRoot, "src", "proof", "tlog");
  for (const name of readdirSync(room)) {
    const source = readFileSync(join(room, name), "utf8");
    const imports = [...source.matchAll(/from "([^"]+)"/g)].map(([, path = ""]) => path);
    const strange = imports.filter((path) => !/^(\.\/|\.\.\/\.\.\/base\/)/.test(path));
    t.same(strange, [], name);
  }
});
