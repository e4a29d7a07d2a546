/**
 * `npm test [-- FILE…]`: set-up, then every compiled test under tap, then coverage.
 *
 * The last line is always `N passed, N failed, N skipped`, counted from the assertions that tap's
 * stream reports; a test file that crashes, hangs or reports nothing counts as failed.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { coverageReport } from "./coverage.mjs";
import { root, SetupError, setup } from "./setup.mjs";

const failureLinesMax = 60;
/** Whoever waits for the last line waits no longer than this. */
const tapMsMax = 17 * 60_000;
const counts = { passed: 0, failed: 0, skipped: 0 };
const print = (text = "") => process.stdout.write(`${text}\n`);

/** FILE may be `test/x.test.ts`, `dist/test/x.test.js`, `x`, or the start of several names. */
function chosenFiles(names) {
  const all = readdirSync(join(root, "dist/test")).filter((name) => name.endsWith(".test.js"));
  if (names.length === 0) return all.sort().map((name) => join("dist/test", name));
  return names.flatMap((name) => {
    const stem = basename(name).replace(/(\.test)?\.(ts|js)$/, "");
    const exact = all.filter((file) => file === `${stem}.test.js`);
    const found = exact.length > 0 ? exact : all.filter((file) => file.startsWith(stem));
    if (found.length === 0) throw new SetupError(`no such test: ${name}`);
    return found.map((file) => join("dist/test", file));
  });
}

/** Runs tap and reads its stream; resolves to tap's exit code. */
async function runTap(files, withCoverage) {
  const { Parser } = await import("tap-parser");
  const flags = ["run", "--reporter=tap", ...(withCoverage ? [] : ["--disable-coverage"])];
  const tap = spawn(process.execPath, ["node_modules/tap/dist/esm/run.mjs", ...flags, ...files], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const parser = new Parser();
  const reported = new Set();
  parser.on("child", (file) => watchFile(file, []));
  // Results come from every depth; the assertion that only sums up a sub-test is not among them.
  parser.on("result", (result) => {
    if (result.skip || result.todo) counts.skipped++;
    else if (result.ok) counts.passed++;
    else counts.failed++;
  });
  parser.on("assert", (summary) => {
    reported.add(summary.name);
    const took = summary.time === undefined ? "" : ` (${(summary.time / 1000).toFixed(1)} s)`;
    print(`${summary.ok ? "ok    " : "FAILED"} ${summary.name}${took}`);
    if (!summary.ok && summary.diag?.exitCode) print(`       exit code ${summary.diag.exitCode}`);
    if (!summary.ok && summary.diag?.signal) print(`       signal ${summary.diag.signal}`);
  });
  tap.stdout.pipe(parser);
  const overdue = setTimeout(() => tap.kill(), tapMsMax);
  const ended = new Promise((resolve) => parser.on("complete", resolve));
  const code = await new Promise((resolve) => tap.on("close", (status) => resolve(status ?? 1)));
  await ended;
  clearTimeout(overdue);
  for (const file of files) {
    if (reported.has(file)) continue;
    print(`FAILED ${file} reported nothing`);
    counts.failed++;
  }
  return code;
}

/** Prints what failed or was skipped with the path of sub-tests that leads to it, as it happens. */
function watchFile(parser, path) {
  const here = [...path, parser.name];
  parser.on("child", (child) => watchFile(child, here));
  parser.on("assert", (result) => {
    const name = `${here.join(" > ")} > ${result.name || "(no name)"}`;
    if (result.skip) print(`skip   ${name}${result.skip === true ? "" : `: ${result.skip}`}`);
    if (result.ok || result.skip || result.todo || result.closingTestPoint) return;
    print(`FAILED ${name}`);
    print(detailOf(result.diag ?? {}));
  });
}

/** The fields that help, as text; the rest of tap's diagnostics repeats them. */
function detailOf({ diff, stack, at, compare, generated, source, typeName, ...rest }) {
  const facts = Object.entries(rest).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const lines = [diff, ...facts, stack ?? (at && `${at.fileName}:${at.lineNumber}`)]
    .filter((part) => part)
    .flatMap((part) => part.trimEnd().split("\n"));
  return lines
    .slice(0, failureLinesMax)
    .map((line) => `    ${line}`)
    .join("\n");
}

async function main() {
  const names = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
  const withCoverage = names.length === 0 && !process.argv.includes("--no-coverage");
  await setup({ tests: true });
  const files = chosenFiles(names);
  // Results of earlier runs would be counted into this run's coverage.
  for (const leftover of ["coverage", "processinfo", "test-results", "report"]) {
    rmSync(join(root, ".tap", leftover), { recursive: true, force: true });
  }
  const code = await runTap(files, withCoverage);
  if (withCoverage && existsSync(join(root, ".tap/report"))) print(coverageReport(root));
  if (code !== 0 && counts.failed === 0) {
    print(`tap ended with exit code ${code} though no assertion failed`);
    counts.failed++;
  }
}

try {
  await main();
} catch (error) {
  counts.failed++;
  print(error instanceof SetupError ? error.message : (error.stack ?? String(error)));
}
print(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
