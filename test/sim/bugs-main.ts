/**
 * `npm run sim:bugs [-- --only NAME --count N]`: plants each bug of test/sim/bugs in a copy of the tree,
 * one at a time, and runs the simulator until it notices. Exits with 1 when one is missed, or when a
 * patch no longer applies: then the bug is to be planted anew where the code now is.
 *
 * A patch is a unified diff against src/ under a head of one line that says what is wrong.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import ts from "typescript";

const folder = resolve("test/sim/bugs");
const extension = ".patch";
const copied = ["src", "deploy", "dist", "package.json"];
const shared = ["node_modules", "build"];

const { values } = parseArgs({
  options: { only: { type: "string" }, count: { type: "string", default: "400" } },
});

/** Of one bug: the seed that showed it and what was seen there, or why it was not found. */
type Outcome = { readonly seed: string; readonly seen: string } | { readonly missed: string };

const tree = mkdtempSync(join(tmpdir(), "quipu-bugs-"));
try {
  for (const name of copied) cpSync(name, join(tree, name), { recursive: true });
  for (const name of shared) symlinkSync(resolve(name), join(tree, name));
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(extension))
    .map((name) => name.slice(0, -extension.length))
    .filter((name) => values.only === undefined || name === values.only);
  const missed = names.filter((name) => !isCaught(name));
  console.log(`${names.length} bugs, ${names.length - missed.length} caught`);
  process.exitCode = names.length === 0 || missed.length > 0 ? 1 : 0;
} finally {
  rmSync(tree, { recursive: true });
}

function isCaught(name: string): boolean {
  const patch = join(folder, name + extension);
  const outcome = plant(patch);
  const [what = ""] = readFileSync(patch, "utf8").split("\n");
  const found = "seed" in outcome ? `seed ${outcome.seed}` : "MISSED";
  console.log(`${name.padEnd(26)} ${found.padEnd(9)} ${what}`);
  console.log(`${" ".repeat(36)} ${"seed" in outcome ? outcome.seen : outcome.missed}`);
  return "seed" in outcome;
}

function plant(patch: string): Outcome {
  const applied = run("git", ["apply", patch]);
  if (applied.status !== 0) return { missed: `the patch does not apply: ${applied.text}` };
  const changed = [...readFileSync(patch, "utf8").matchAll(/^\+\+\+ b\/(\S+)\.ts$/gm)];
  const stems = changed.map(([, stem = ""]) => stem);
  try {
    for (const stem of stems) translate(stem);
    const asked = ["--seed", "1", "--count", values.count, "--first"];
    const { status, text } = run(process.execPath, ["dist/test/sim/main.js", ...asked]);
    if (status === 0) return { missed: `nothing was seen in ${values.count} seeds` };
    const [, seed, seen = ""] = /^seed (\d+) FAILED:\n\s*(.*)$/m.exec(text) ?? [];
    if (seed === undefined) return { missed: `the simulator does not run: ${text}` };
    return { seed, seen: seen.slice(0, 120) };
  } finally {
    run("git", ["apply", "-R", patch]);
    for (const stem of stems) cpSync(`dist/${stem}.js`, join(tree, `dist/${stem}.js`));
  }
}

/** One file without the rest, whose types are right without the bug: a whole build takes much longer. */
function translate(stem: string): void {
  const source = readFileSync(join(tree, `${stem}.ts`), "utf8");
  const compilerOptions = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(source, { fileName: `${stem}.mts`, compilerOptions });
  writeFileSync(join(tree, `dist/${stem}.js`), outputText);
}

function run(program: string, given: readonly string[]): { status: number | null; text: string } {
  const { status, stdout, stderr, error } = spawnSync(program, given, {
    cwd: tree,
    encoding: "utf8",
    env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() }, // also where that is inside a checkout
  });
  return { status, text: error?.message ?? `${stderr}${stdout}` };
}
