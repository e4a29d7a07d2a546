/**
 * The wire's keeper: `generate` writes src/gen from proto/, `check` fails when the proto files are
 * badly formed, break a client of the baseline, or differ from the generated code, and `baseline`
 * accepts the present proto files as what later ones may not break. Needs no network.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tools = join(root, "node_modules", ".bin");
const baseline = join("proto", "baseline.binpb");
const generated = join("src", "gen");

/** Runs buf with the pinned code generator on its path; true when it succeeded. */
function buf(...words) {
  const result = spawnSync(join(tools, "buf"), words, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, PATH: `${tools}${delimiter}${process.env.PATH ?? ""}` },
  });
  if (result.error !== undefined) console.error(`buf cannot run: ${result.error.message}`);
  return result.status === 0;
}

function generate(to) {
  return to === undefined ? buf("generate") : buf("generate", "--output", to);
}

/** Path below `folder` → text. */
function filesOf(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [file.slice(folder.length + 1), readFileSync(file, "utf8")]));
}

function generatedIsCurrent() {
  const folder = mkdtempSync(join(tmpdir(), "quipu-proto-"));
  try {
    if (!generate(folder)) return false;
    const fresh = filesOf(join(folder, generated));
    const kept = filesOf(join(root, generated));
    const names = new Set([...fresh.keys(), ...kept.keys()]);
    const stale = [...names].filter((name) => fresh.get(name) !== kept.get(name));
    for (const name of stale) console.error(`${join(generated, name)} differs from proto/`);
    if (stale.length > 0) console.error("run: node scripts/proto.mjs generate");
    return stale.length === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function check() {
  const results = [
    ["lint", () => buf("lint")],
    ["breaking", () => buf("breaking", "--against", baseline)],
    ["generated code", generatedIsCurrent],
  ].map(([name, test]) => [name, test()]);
  for (const [name, passed] of results) if (!passed) console.error(`proto: ${name} failed`);
  return results.every(([, passed]) => passed);
}

const actions = {
  generate: () => generate(),
  check,
  baseline: () => buf("build", "--output", baseline),
};

const action = actions[process.argv[2] ?? "check"];
if (action === undefined) {
  console.error(`usage: node scripts/proto.mjs [${Object.keys(actions).join("|")}]`);
  process.exit(2);
}
process.exit(action() ? 0 : 1);
