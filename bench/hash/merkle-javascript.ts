/** Merkle trees in JavaScript over node:crypto: the best of RFC 6962, and merkletreejs's own kind. */
import { hash } from "node:crypto";

const digestBytes = 32;
const nodeBytes = 1 + 2 * digestBytes;
const heightMax = 53;

/**
 * Root of RFC 6962, leaf by leaf: what is open on each level waits in the left half of its parent's
 * input. The fastest of four forms that were tried (level by level in one buffer, and in arrays of
 * texts, take 10 to 18 % longer): nothing is allocated but crypto.hash's results, as text of one byte a
 * character, which is its fastest output.
 */
export function javascriptRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return hash("sha256", "", "buffer");
  const nodes = Array.from({ length: heightMax }, () => {
    const node = Buffer.alloc(nodeBytes);
    node[0] = 1;
    return node;
  });
  let input = Buffer.alloc(0); // a leaf with its prefix
  for (let i = 0; i < leaves.length; i += 1) {
    const leaf = leaves[i] as Uint8Array;
    if (input.length !== leaf.length + 1) input = Buffer.alloc(leaf.length + 1);
    input.set(leaf, 1);
    let digest = hash("sha256", input, "binary");
    let level = 0;
    for (let rest = i; rest % 2 === 1; rest = (rest - 1) / 2)
      digest = close(nodes, level++, digest);
    nodes[level]?.write(digest, 1, "latin1");
  }
  return Buffer.from(foldRight(nodes, leaves.length), "latin1");
}

/** Root of RFC 6962 as it is mostly written: level by level, a fresh array for each input and digest. */
export function plainJavascriptRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [zero, one] = [Buffer.of(0), Buffer.of(1)];
  const digest = (...parts: Uint8Array[]): Uint8Array =>
    hash("sha256", Buffer.concat(parts), "buffer");
  let level = leaves.map((leaf) => digest(zero, leaf));
  while (level.length > 1) {
    const below = level;
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, i) => {
      const [left, right] = below.slice(2 * i, 2 * i + 2) as [Uint8Array, Uint8Array?];
      return right === undefined ? left : digest(one, left, right);
    });
  }
  return level[0] ?? hash("sha256", "", "buffer");
}

/** The digest of a node whose left half waits there. */
function close(nodes: readonly Buffer[], level: number, right: string): string {
  const node = nodes[level] as Buffer;
  node.write(right, 1 + digestBytes, "latin1");
  return hash("sha256", node, "binary");
}

/** The open subtrees, smallest first, each joined to what is right of it. */
function foldRight(nodes: readonly Buffer[], count: number): string {
  let digest: string | undefined;
  for (let level = 0, rest = count; rest > 0; level += 1, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 0) continue;
    if (digest === undefined) digest = nodes[level]?.toString("latin1", 1, 1 + digestBytes) ?? "";
    else digest = close(nodes, level, digest);
  }
  return digest ?? "";
}

/** As merkletreejs builds them: no prefixes, an odd node goes up as it is. */
export function rootWithoutPrefixes(leaves: readonly Uint8Array[]): Uint8Array {
  let level: readonly Uint8Array[] = leaves.map((leaf) => hash("sha256", leaf, "buffer"));
  while (level.length > 1) {
    const below = level;
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, i) => {
      const [left, right] = below.slice(2 * i, 2 * i + 2) as [Uint8Array, Uint8Array?];
      return right === undefined ? left : hash("sha256", Buffer.concat([left, right]), "buffer");
    });
  }
  return level[0] as Uint8Array;
}
