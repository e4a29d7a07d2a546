/** Whether a compiled file loads on any host that Quipu supports, read from its own symbol table. */
import { spawnSync } from "node:child_process";
import { SetupError } from "./setup.mjs";

/** Debian 12. What a binary asks of the C library may be older, never newer. */
const glibcMax = [2, 36];
const systemLibraries = new Set([
  "libc.so.6",
  "libm.so.6",
  "libdl.so.2",
  "libpthread.so.0",
  "librt.so.1",
  "libgcc_s.so.1",
  "ld-linux-x86-64.so.2",
]);

/** `sharedCxx`: the runtime itself may use the host's libstdc++; nothing that we build may. */
export function checkBinary(path, { sharedCxx = false } = {}) {
  const { status, stdout, error } = spawnSync("objdump", ["-p", path], { encoding: "utf8" });
  if (error?.code === "ENOENT") throw new SetupError("objdump is missing: install binutils");
  if (status !== 0) throw new SetupError(`objdump cannot read ${path}`);
  for (const [, library] of stdout.matchAll(/^\s+NEEDED\s+(\S+)$/gm)) {
    if (systemLibraries.has(library) || (sharedCxx && library === "libstdc++.so.6")) continue;
    throw new SetupError(`${path} needs ${library}, which a bare host does not have`);
  }
  for (const [text, major, minor] of stdout.matchAll(/\bGLIBC_(\d+)\.(\d+)/g)) {
    const [majorMax, minorMax] = glibcMax;
    if (Number(major) < majorMax || (Number(major) === majorMax && Number(minor) <= minorMax))
      continue;
    throw new SetupError(
      `${path} needs ${text}; the newest allowed is GLIBC_${glibcMax.join(".")}`,
    );
  }
}
