/** `quipu hash --check`: which lines it takes, what it says of files, and how it ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import t from "tap";
import { parseCheckLine } from "../src/cli/hash/check-line.js";
import { linesOf } from "../src/cli/hash/line.js";
import { executeIn, hash, missingTool, readBytesOf, runIn } from "./cli-run.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const quipu = (...argv: string[]) => runIn(folder, ["hash", ...argv]);

t.test("a check says which files differ, and ends with 6", async (t) => {
  const [plain = "", umlaut = "", newline = ""] = ["plain", "ä", "new\nline"].map((name) => {
    const path = join(folder, name);
    writeFileSync(path, path);
    return path;
  });
  const list = join(folder, "list");
  const lines = (await quipu(plain, umlaut, newline)).stdout.trimEnd().split("\n");
  const gone = (lines[0] ?? "").replace("plain", "gone");
  const other = (lines[1] ?? "").replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  writeFileSync(list, [lines[0], other, lines[2], gone, "junk", ""].join("\n"));
  const answer = await quipu("--check", list);
  t.equal(answer.code, 6);
  const shown = newline.replace("\n", "\\n");
  const told = [
    `${plain}: OK`,
    `${umlaut}: FAILED`,
    `\\${shown}: OK`,
    `${join(folder, "gone")}: FAILED`,
  ];
  t.equal(answer.stdout, `${told.join("\n")} open or read\n`);
  t.match(answer.stderr, /list:5: not a checksum line/);
  t.match(
    answer.stderr,
    /FAILED {2}1 checksum does not match, 1 file cannot be read, 1 line is no .*; 2 checksums match/,
  );
  if (missingTool("b3sum") === false) {
    const b3sum = executeIn(folder, ["b3sum", "--check", list]).stdout.replace(
      /FAILED \(.*\)/,
      "FAILED open or read",
    );
    t.equal(answer.stdout, b3sum, "the same lines as b3sum's, but for the reason");
  }
  t.equal((await quipu("--check", list, "-q")).stdout, `${told[1]}\n${told[3]} open or read\n`);
  const value = JSON.parse((await quipu("--check", list, "--json")).stdout);
  t.same(
    value.files.map(({ ok }: { ok: boolean }) => ok),
    [true, false, true, false],
  );
  t.match(value, { ok: false, malformed: [{ list, line: 5 }], errors: [{ code: "NOT_FOUND" }] });
  t.match(await quipu("--check", join(folder, "absent")), { code: 1, stderr: /NOT_FOUND/ });
  for (const odd of [folder, "/dev/null"]) {
    t.match(await quipu("--check", odd), { code: 1, stdout: "", stderr: /DATA_INVALID/ });
  }
  t.match(executeIn(folder, hash("-c"), lines.slice(0, 2).join("\n")), {
    code: 0,
    stdout: /plain: OK\n.*: OK\n$/s,
  });
  t.match(
    executeIn(folder, hash("-c"), ""),
    { code: 1, stderr: /^DATA_INVALID {2}- is empty/ },
    "a list of nothing proves nothing",
  );
  t.match(executeIn(folder, hash("-c"), "junk\n"), {
    code: 6,
    stderr: /FAILED {2}1 line is no .*none match/,
  });
  writeFileSync(list, `${lines[0]}\n`.repeat(150_000));
  t.equal((await quipu("--check", "-q", list)).code, 0, "a long list");
  writeFileSync(list, `${"0".repeat(64)}  ${folder}\n`);
  t.match(await quipu("-c", list), { code: 6, stderr: /DATA_INVALID.* is a folder/ });
  writeFileSync(list, `${"0".repeat(64)}  gone\rplain: OK\u001b[K\n`);
  const odd = await quipu("-c", list);
  t.equal(
    odd.stdout,
    "gone\\u{d}plain: OK\\u{1b}[K: FAILED open or read\n",
    "no verdict is forged",
  );
  t.notMatch(odd.stderr, /\p{Cc}(?<!\n)/u);
});

t.test("lines that could be read in two ways are no checksum lines", async (t) => {
  const hex = "0".repeat(64);
  const faults = [
    ["", /empty/],
    [`${hex}`, /form/],
    [`${hex}  `, /form/],
    [`${hex} *name`, /form/],
    [`${hex.slice(2)}  name`, /form/],
    [`BLAKE2 (name) = ${hex}`, /form/],
    [`BLAKE3 (name) = ${hex}00`, /form/],
    [`\\${hex}  a\\tb`, /escape/],
    [`\\${hex}  a\\`, /escape/],
    [`${hex}  a\0b`, /null/],
    [`${hex}  a\ufffdb`, /replacement/],
    [Buffer.from([0xff]), /UTF-8/],
  ] as const;
  for (const [line, why] of faults) {
    t.match(parseCheckLine(Buffer.from(line as string), "blake3"), why, JSON.stringify(line));
  }
  t.match(parseCheckLine(Buffer.from(`${hex} *name`), "sha256"), { path: "name" });
  t.match(parseCheckLine(Buffer.from(`${hex}  a\\b`), "blake3"), { path: "a\\b" });
  t.match(parseCheckLine(Buffer.from(`SHA256 (a) = b) = ${hex}`), "blake3"), { path: "a) = b" });
  const named = fc
    .string({ unit: "binary", minLength: 1 })
    .filter((name) => !/[\0\ufffd]/.test(name));
  const forms = fc.constantFrom("plain" as const, "tag" as const);
  const either = fc.constantFrom("blake3" as const, "sha256" as const);
  fc.assert(
    fc.property(named, forms, either, (name, form, algorithm) => {
      const [line = ""] = linesOf(
        { name, sizeBytes: 0, [algorithm]: hex },
        { algorithms: [algorithm], form },
      );
      const read = parseCheckLine(Buffer.from(line), algorithm);
      return !line.includes("\n") && typeof read === "object" && read.path === name;
    }),
  );
  t.pass("any name is read back as it was written");
});

t.test("Ctrl-C while a long list is looked through", async (t) => {
  const lines = ["gone", "gone too"].map((name) => `${"0".repeat(64)}  ${name}\n`).join("");
  const list = join(folder, "long-list");
  writeFileSync(list, lines.repeat(200_000));
  const [file = "", ...args] = hash("-c", list);
  const child = spawn(file, args, { cwd: folder, stdio: ["ignore", "ignore", "ignore"] });
  while (readBytesOf(child) < lines.length * 200_000) await delay(1);
  await delay(100); // it has been read, and is far from done
  child.kill("SIGINT");
  t.same(await once(child, "close"), [130, null]);
});
