/** Where a measurement was taken, and with what. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The nearest folder above this file that has a package.json: the checkout or the unpacked tarball. */
export const packageRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error("no package.json above the compiled benches");
  return findRoot(above);
}

export function machine(): Record<string, unknown> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    arch: arch(),
    kernel: release(),
    node: process.version,
    openssl: process.versions.openssl,
    version: ourVersion(),
    commit: git("rev-parse", "--short", "HEAD"),
    changed: git("status", "--porcelain", "--untracked-files=no") !== "",
  };
}

function ourVersion(): string {
  const text = readFileSync(join(packageRoot, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Empty outside a git checkout. */
function git(...command: readonly string[]): string {
  try {
    return execFileSync("git", ["-C", packageRoot, ...command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return ""; // an unpacked tarball has no history
  }
}
