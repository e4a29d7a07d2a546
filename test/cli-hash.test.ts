/** `quipu hash` beside b3sum and sha256sum, byte for byte, and with everything that can go wrong. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { durationText, Progress } from "../src/cli/hash/progress.js";
import { Output } from "../src/cli/output.js";
import { hashAsync } from "../src/compute/native/hashing.js";
import { executeIn, hash, missingTool, readBytesOf, runIn, Sink } from "./cli-run.js";
import { patternBytes } from "./hash-reference.js";
import { packageRoot } from "./real-fleet.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const mib = 1024 * 1024;

const quiet = { json: false, quiet: false, color: false, verbose: false };
const quipu = (...argv: string[]) => runIn(folder, ["hash", ...argv]);
const execute = (command: readonly string[], input?: string | Uint8Array) =>
  executeIn(folder, command, input);

const [noB3sum, noSha256sum] = [missingTool("b3sum"), missingTool("sha256sum")];

const files = ["plain", "ä", "with space", "back\\slash", "new\nline", "cr\rx", "-dash", "\\n"];
const paths = files.map((name) => join(folder, name));
t.before(() => {
  for (const path of paths) writeFileSync(path, path);
  for (const size of [0, 1, 65_536, 262_145, 9 * mib]) {
    writeFileSync(join(folder, `size-${size}`), patternBytes(size));
    paths.push(join(folder, `size-${size}`));
  }
  symlinkSync("plain", join(folder, "link"));
  paths.push(join(folder, "link"));
});

t.test("lines are b3sum's, byte for byte", { skip: noB3sum }, async (t) => {
  const b3sum = (...args: string[]) => execute(["b3sum", ...args]).stdout;
  t.equal((await quipu(...paths)).stdout, b3sum(...paths));
  for (const options of [["--no-names"], ["-l", "5"], ["--length", "99"], ["--derive-key", "c"]]) {
    t.equal((await quipu(...options, ...paths)).stdout, b3sum(...options, ...paths), `${options}`);
  }
  const key = patternBytes(32);
  const keyed = ["--keyed", "plain", "size-9437184"];
  t.equal(execute(hash(...keyed), key).stdout, execute(["b3sum", ...keyed], key).stdout);
  for (const args of [[], ["-"], ["-", "plain"], ["plain", "-", "-"], ["--", "-dash"]]) {
    t.equal(
      execute(hash(...args), "abc").stdout,
      execute(["b3sum", ...args], "abc").stdout,
      `${args}`,
    );
  }
  for (const script of ['"$@"', '"$@" - -', 'head -c 1 > /dev/null; "$@"']) {
    const from = (command: readonly string[]) =>
      execute(["sh", "-c", `exec < size-9437184; ${script}`, "sh", ...command]).stdout;
    t.equal(from(hash()), from(["b3sum"]), `a file as standard input: ${script}`);
  }
  // Arguments that are not UTF-8, and two that Node cannot tell apart.
  const script = `"$@" "$(printf 'raw\\376')" plain "$(printf 'raw\\377')" "$(printf 'r\\342\\202w')"`;
  const raw = ["\\376", "\\377"].map((byte) => `printf x${byte} > "$(printf 'raw${byte}')"`);
  execute(["sh", "-c", `${raw.join(";")}; printf y > "$(printf 'r\\342\\202w')"`]);
  const named = (command: readonly string[]) => execute(["sh", "-c", script, "sh", ...command]);
  t.same(named(hash()), named(["b3sum"]), "names that are not UTF-8");
  t.equal(named(hash()).code, 0);
});

t.test("arguments that are not UTF-8 mean what was given, or are refused", async (t) => {
  const room = join(folder, "raw");
  mkdirSync(room);
  const make = `mkdir $'d\\xff'; printf 1 > $'d\\xff/x'; printf 22 > $'x\\xfe'; printf 333 > 'x\ufffd'`;
  const run = (script: string) => execute(["bash", "-c", `cd raw; ${script}`, "bash", ...hash()]);
  run(make);
  const view = (script: string) => JSON.parse(run(`"$@" --json ${script}`).stdout).files;
  t.match(
    view(`$'x\\xfe' 'x\ufffd' $'d\\xff'`),
    [{ sizeBytes: 2 }, { sizeBytes: 3 }, { path: "d\ufffd/x", pathHex: "64ff2f78", sizeBytes: 1 }],
    "two that read alike, and a folder",
  );
  t.match(view(`-l 8 $'d\\xff'`), [{ sizeBytes: 1 }]);
  const list = `printf '%064d  x\\n' 0 > $'l\\xfe'; "$@" -c $'l\\xfe'`;
  t.match(run(list), { code: 6, stdout: "x: FAILED open or read\n" }, "a list");
  for (const script of [
    `"$@" --derive-key $'x\\xfe' 'x\ufffd'`,
    `"$@" 'x\ufffd' --derive-key $'x\\xfe'`,
    `"$@" --derive-key 'x\ufffd' $'x\\xfd' $'x\\xfe'`,
    `"$1" "$2" data manifest $'d\\xff'`,
    `"$1" "$2" data manifest . --to=$'o\\xff'`,
    `"$1" "$2" data verify . --manifest $'x\\xfe'`,
  ]) {
    const refused = run(script);
    t.match(refused, { code: 1, stdout: "", stderr: /^INVALID_ARGUMENT {2}.*not UTF-8: / }, script);
  }
  t.match(run(`"$@" --derive-key 'x\ufffd' 'x'`), { code: 1, stderr: /^NOT_FOUND/ }, "a real one");
});

t.test("lines are sha256sum's, byte for byte", { skip: noSha256sum }, async (t) => {
  const sha256sum = (...args: string[]) => execute(["sha256sum", ...args]);
  t.equal((await quipu("--sha256", ...paths)).stdout, sha256sum(...paths).stdout);
  t.equal((await quipu("--sha256", "--tag", ...paths)).stdout, sha256sum("--tag", ...paths).stdout);
  const list = join(folder, "list.sha256");
  writeFileSync(list, (await quipu("--sha256", ...paths)).stdout);
  t.equal(sha256sum("--check", list).code, 0, "and it checks them");
  t.equal((await quipu("--sha256", "--check", list)).stdout.match(/: OK\n/g)?.length, paths.length);
  const binary = sha256sum("--binary", ...paths).stdout.replace(/[0-9a-f]{64} /g, (hex) =>
    hex.toUpperCase(),
  );
  writeFileSync(list, binary);
  t.equal((await quipu("--sha256", "--check", list)).code, 0, "upper case and binary mode");
});

t.test("both digests come from one read, and name themselves", async (t) => {
  const [plain = ""] = paths;
  const sha256 = createHash("sha256").update(readFileSync(plain)).digest("hex");
  const blake3 = (await quipu("--no-names", plain)).stdout.trim();
  const lines = `BLAKE3 (${plain}) = ${blake3}\nSHA256 (${plain}) = ${sha256}\n`;
  t.equal((await quipu("--both", plain)).stdout, lines);
  t.equal((await quipu("--tag", plain)).stdout, lines.split(/(?<=\n)/)[0]);
  const list = join(folder, "both");
  writeFileSync(list, (await quipu("--both", ...paths)).stdout);
  const checked = await quipu("--check", list);
  t.equal(checked.code, 0, checked.stderr);
  t.equal(checked.stdout.match(/: OK\n/g)?.length, paths.length * 2);
  const json = JSON.parse((await quipu("--both", plain, "-o", "json")).stdout);
  t.same(json, {
    files: [{ path: plain, sizeBytes: plain.length, blake3, sha256 }],
    errors: [],
    skipped: 0,
  });
});

t.test("folders: every file in the order of its bytes, links by rule", async (t) => {
  const tree = join(folder, "tree");
  mkdirSync(join(tree, "a", "deep"), { recursive: true });
  const inside = ["a.csv", "a/deep/x", "a/b", "b", "ä"];
  for (const name of inside) writeFileSync(join(tree, name), name);
  writeFileSync(join(tree, "large"), patternBytes(9 * mib));
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0x7a, 0xff])]), "raw");
  symlinkSync("../../plain", join(tree, "a", "link"));
  execFileSync("mkfifo", [join(tree, "pipe")]);
  const order = ["a.csv", "a/b", "a/deep/x", "b", "large", "z\ufffd", "ä"];

  const refused = await quipu(tree);
  t.equal(refused.code, 1, "the rest is hashed all the same");
  const names = (text: string) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(66));
  t.same(
    names(refused.stdout),
    order.map((name) => `${tree}/${name}`),
  );
  t.match(
    refused.stderr,
    /DATA_INVALID {2}.*a\/link is a symbolic link.*\n {2}next: .*--links skip/,
  );
  t.match(refused.stderr, /DATA_INVALID {2}.*pipe is a pipe/);
  const skipped = await quipu(`${tree}/`, "--links", "skip");
  t.equal(skipped.code, 0);
  t.equal(skipped.stdout, refused.stdout, "a slash at the end is not doubled");
  t.match(skipped.stderr, /^2 links and special files were left out\n$/);

  const values = JSON.parse((await quipu(tree, "absent", "-o", "json")).stdout);
  t.equal(values.files.length, order.length);
  t.match(values.files[5], { path: `${tree}/z\ufffd`, pathHex: /7aff$/, sizeBytes: 3 });
  t.same(
    values.errors.map(({ code }: { code: string }) => code),
    ["DATA_INVALID", "DATA_INVALID", "NOT_FOUND"],
  );

  symlinkSync("tree", join(folder, "way"));
  const through = await quipu(join(folder, "way"), "--links", "skip");
  t.same(
    names(through.stdout),
    order.map((name) => `${folder}/way/${name}`),
    "a named link",
  );
  for (const options of [["--sha256"], ["--derive-key", "c"], ["-l", "64"]]) {
    const all = await quipu(tree, ...options);
    const single = await quipu(
      ...order.filter((name) => name !== "z\ufffd").map((n) => join(tree, n)),
      ...options,
    );
    const known = all.stdout.split("\n").filter((line) => !line.includes("\ufffd"));
    t.equal(known.join("\n"), single.stdout, `${options}: as one by one`);
  }
});

t.test("one bad path never stops the others", async (t) => {
  const [plain = ""] = paths;
  mkdirSync(join(folder, "empty"));
  const answer = await quipu(
    "absent",
    plain,
    join(folder, "empty"),
    join(folder, "plain/x"),
    plain,
  );
  t.equal(answer.code, 1);
  t.equal(answer.stdout, (await quipu(plain, plain)).stdout);
  t.match(answer.stderr, /^NOT_FOUND {2}cannot read absent: no such file or directory\n {2}next: /);
  t.equal(answer.stderr.match(/NOT_FOUND/g)?.length, 2);
  t.match(execute(["sh", "-c", '"$@" - < .', "sh", ...hash()]), {
    code: 1,
    stderr: /^DATA_INVALID {2}cannot read -: /,
  });
  t.match(await quipu("/dev/null"), { code: 1, stderr: /DATA_INVALID.*quipu hash < PATH/s });
  const nothing = execute(["sh", "-c", '"$@" < /dev/null', "sh", ...hash("--no-names")]);
  t.equal(nothing.stdout, (await quipu("--no-names", join(folder, "size-0"))).stdout);
  const proc = await quipu("/proc/version");
  const want = Buffer.from(await hashAsync(readFileSync("/proc/version"))).toString("hex");
  t.equal(proc.stdout, `${want}  /proc/version\n`, "a file that only says that it is empty");
  const paged = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (existsSync(paged)) {
    const held = Buffer.from(await hashAsync(readFileSync(paged))).toString("hex");
    t.equal(
      (await quipu("--no-names", paged)).stdout,
      `${held}\n`,
      "one that seems to fill a page",
    );
  }
  writeFileSync(join(folder, "-"), "a file");
  t.equal(
    execute(hash("--no-names", "./-"), "input").stdout,
    execute(hash("--no-names"), "a file").stdout,
  );
  const again = execute(["sh", "-c", '"$@" > /dev/null; cat', "sh", ...hash()], "taken");
  t.equal(again.stdout, "", "a pipe is taken");
  const file = execute(["sh", "-c", '{ "$@" > /dev/null; cat; } < plain', "sh", ...hash()]);
  t.equal(file.stdout, plain, "a file stays where it was");
  const input = execute(["sh", "-c", '"$@" < /proc/version', "sh", ...hash()]);
  t.equal(input.stdout, `${want}  -\n`, "also as standard input");
});

const boot = "/proc/sys/kernel/random/boot_id";
t.test("folders of /proc", { skip: existsSync(boot) ? false : `no ${boot}` }, async (t) => {
  const digest = Buffer.from(await hashAsync(readFileSync(boot))).toString("hex");
  const line = `${digest}  ${boot}\n`;
  t.match((await quipu(dirname(boot))).stdout, line);
  const all = hash("--links", "skip", "/proc/sys");
  const { stdout, stderr } = execute(["sh", "-c", 'ulimit -n 200; "$@"', "sh", ...all]);
  t.match(stdout, line, "one with more files than may be open");
  t.notMatch(stderr, /holds more than its size|EMFILE|too many open files/);
});

t.test("options that do not go together, and values out of range, are usage errors", async (t) => {
  const wrong = [
    ["--sha256", "--both"],
    ["--sha256", "-l", "16"],
    ["--tag", "--derive-key", "c"],
    ["--both", "--no-names"],
    ["--check", "--tag"],
    ["--check", "--keyed", "plain"],
    ["--keyed", "--derive-key", "c", "plain"],
    ["--keyed"],
    ["--keyed", "-"],
    ["-l", "0"],
    ["-l", "1048577"],
    ["-l", "x"],
    ["--links", "follow"],
  ];
  for (const argv of wrong)
    t.match(await quipu(...argv), { code: 2, stderr: /^USAGE/ }, argv.join(" "));
  for (const [key, found] of [
    ["short", "5"],
    [`${"k".repeat(32)}\n`, "more"],
  ] as const) {
    const answer = execute(hash("--keyed", "plain"), key);
    t.match(answer, {
      code: 1,
      stdout: "",
      stderr: new RegExp(`INVALID_ARGUMENT.*found ${found}`),
    });
  }
});

t.test("standard input is held back, not stored", async (t) => {
  const bytes = patternBytes(16 * mib);
  const [file = "", ...args] = hash("--both");
  const child = spawn(file, args);
  const lines: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => lines.push(chunk));
  const [sha256, parts] = [createHash("sha256"), 32];
  for (let i = 0; i < parts; i += 1) {
    sha256.update(bytes);
    if (!child.stdin.write(bytes)) await once(child.stdin, "drain");
  }
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
  child.stdin.end();
  await once(child, "close");
  t.match(Buffer.concat(lines).toString(), `SHA256 (-) = ${sha256.digest("hex")}`);
  t.ok(Number(peak) * 1024 < 280 * mib, `${peak} kB at most, for ${16 * parts} MiB`);
});

/** Resolves once the child has read far more than its own start-up needs. */
async function reads(child: ChildProcessWithoutNullStreams): Promise<void> {
  child.stdin.on("error", () => undefined); // a child that is killed leaves some of it unread
  child.stdin.write(patternBytes(mib)); // more than a pipe holds: whoever wants it takes it
  for (;;) {
    if (child.stdin.writableLength === 0 || readBytesOf(child) > 256 * mib) return;
    await delay(10);
  }
}

t.test("Ctrl-C is CANCELLED, 130", async (t) => {
  truncateSync(join(folder, "size-0"), 2 ** 36);
  for (const args of [["-"], ["size-0"], ["--both", "plain", "size-0"]]) {
    const [file = "", ...rest] = hash(...args);
    const child = spawn(file, rest, { cwd: folder });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk));
    await reads(child);
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    t.equal(code, 130, args.join(" "));
    t.match(stderr, /^CANCELLED {2}/);
  }
  truncateSync(join(folder, "size-0"), 0);
});

t.test("progress says bytes, rate and the time left, once work takes longer", async (t) => {
  const stderr = new Sink(true);
  const output = new Output({ ...quiet, stdout: new Sink(), stderr });
  let nowMs = 0;
  const progress = new Progress(output, "hashing", 100 * mib, () => nowMs);
  const part = progress.part();
  nowMs = 400;
  part?.(10 * mib);
  t.equal(stderr.text, "", "not for short work");
  nowMs = 1000;
  part?.(20 * mib);
  t.equal(stderr.text, "\rhashing 20.0 MiB of 100.0 MiB  20 %  20.0 MiB/s  4 s left");
  nowMs = 1050;
  part?.(21 * mib);
  t.notMatch(stderr.text, /21/, "nor faster than can be read");
  nowMs = 2000;
  progress.add(200 * mib);
  t.match(stderr.text, /\rhashing 221.0 MiB {2}110.5 MiB\/s *$/, "more than was known of");
  t.same([0, 59, 61, 3600, 90_000].map(durationText), [
    "0 s",
    "59 s",
    "1 min 1 s",
    "1 h 0 min",
    "25 h 0 min",
  ]);
  const piped = new Output({ ...quiet, stdout: new Sink(), stderr: new Sink() });
  t.equal(new Progress(piped, "hashing").part(), undefined, "and nobody is told who does not look");
});

t.test("nothing heavy is loaded: the start-up counts", async (t) => {
  const root = join(packageRoot, "dist", "src");
  const seen = new Set<string>();
  const foreign = new Set<string>();
  const follow = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const [, name = ""] of readFileSync(path, "utf8").matchAll(
      /(?:from|import) ?\(?"([^"]+)"/g,
    )) {
      if (name.startsWith(".")) follow(join(dirname(path), name));
      else if (!name.startsWith("node:")) foreign.add(name);
    }
  };
  follow(join(root, "cli", "hash", "hash.js"));
  t.same([...foreign], [], "no package at all");
  t.ok(seen.size > 10 && seen.size < 40, `${seen.size} files`);
});
