/**
 * What the tests reach, as a share of the lines of src: a floor that is reported, not a gate.
 *
 * Generated code and the entry points (wiring, run only as processes) are left out. A file that no
 * test loads counts with all its lines: leaving it out would make less testing look like more.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { filesUnder } from "./stamps.mjs";

const floorPercent = 85;
const filesListedMax = 15;
const isCounted = (path) => path.endsWith(".ts") && !/^src\/(gen|main)\//.test(path);

export function coverageReport(root) {
  const path = join(root, ".tap/report/coverage-summary.json");
  if (!existsSync(path)) return "coverage: no report was written";
  const seen = new Map(
    Object.entries(JSON.parse(readFileSync(path, "utf8")))
      .filter(([file]) => file !== "total")
      .map(([file, summary]) => [relative(root, file), summary.lines]),
  );
  const files = filesUnder(root, ["src"], isCounted).flatMap((file) => {
    const lines = seen.get(file) ?? unseen(root, file);
    return lines.total === 0
      ? []
      : [{ file, total: lines.total, missed: lines.total - lines.covered }];
  });
  const total = files.reduce((sum, file) => sum + file.total, 0);
  const missed = files.reduce((sum, file) => sum + file.missed, 0);
  const percent = total === 0 ? 100 : ((total - missed) / total) * 100;
  const worst = files
    .filter((file) => file.missed > 0)
    .sort((a, b) => b.missed - a.missed)
    .slice(0, filesListedMax)
    .map(({ file, total, missed }) => `  ${String(missed).padStart(5)} of ${total} lines  ${file}`);
  const verdict = percent < floorPercent ? `BELOW the floor of ${floorPercent} %` : "ok";
  return [
    `coverage: ${percent.toFixed(1)} % of ${total} lines in src, ${verdict}; most missed lines:`,
    ...worst,
  ].join("\n");
}

/** Files that hold only types leave no code behind: there is nothing in them to reach. */
function unseen(root, file) {
  const output = join(root, "dist", file.replace(/\.ts$/, ".js"));
  const code = existsSync(output) ? readFileSync(output, "utf8") : "";
  const isEmpty = /^(\/\*[\s\S]*?\*\/|\/\/.*|export \{\};|\s)*$/.test(code);
  const total = isEmpty ? 0 : readFileSync(join(root, file), "utf8").split("\n").length - 1;
  return { total, covered: 0 };
}
