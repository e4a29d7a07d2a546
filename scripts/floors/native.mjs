/** The native floors: which folder may include which, and that every fast kernel has its twin. */
import { posix } from "node:path";

const nodeHeaders = /^(napi|node_api|uv|v8|node)(\.h|-inl\.h)$/;
const suffix = /(_avx2|_avx512|_shani)\.cc$|\.cu$/;

export function checkNative(tree, table) {
  const findings = [];
  for (const [path, text] of tree.native) {
    if (path.startsWith("native/test/")) continue; // looks into every room
    const room = table.native.find((entry) => path.startsWith(`${entry.room}/`));
    if (room === undefined) {
      findings.push({
        path,
        line: 1,
        text: "this folder is no native room of scripts/floors.json",
      });
      continue;
    }
    for (const [at, line] of text.split("\n").entries()) {
      const header = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/.exec(line)?.[1];
      if (header === undefined) continue;
      const problem = checkInclude(tree, room, path, header);
      if (problem !== undefined) findings.push({ path, line: at + 1, text: problem });
    }
    if (room.room === "native/kernels" && suffix.test(path))
      findings.push(...checkTwin(tree, path));
  }
  return findings;
}

function checkInclude(tree, room, path, header) {
  if (nodeHeaders.test(header)) {
    return room.node ? undefined : `${header}: only native/addon knows Node`;
  }
  const target = headerPath(tree, path, header);
  if (target === undefined || target.startsWith(`${room.room}/`)) return undefined;
  if (room.may.some((other) => target.startsWith(`${other}/`))) return undefined;
  return `${room.room} may not include ${target}`;
}

/** Beside the file, under native/, or under native/include/, as the compiler looks. */
function headerPath(tree, path, header) {
  const places = [posix.dirname(path), "native", "native/include"];
  return places.map((place) => posix.join(place, header)).find((found) => tree.native.has(found));
}

/**
 * The portable file is the readable truth that every other backend is tested against; a device's may be one
 * that runs on any of the processor's kernels.
 */
function* checkTwin(tree, path) {
  const twin = path.replace(suffix, "_portable.cc");
  const plain = path.endsWith(".cu") ? path.replace(suffix, ".cc") : twin;
  if (tree.native.has(twin) || tree.native.has(plain)) return;
  const folder = posix.dirname(path);
  const others = [...tree.native.keys()].filter((other) => posix.dirname(other) === folder);
  if (others.some((other) => other.endsWith("_portable.cc"))) return;
  yield { path, line: 1, text: `no portable twin: ${twin} is missing` };
}
