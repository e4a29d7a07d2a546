/**
 * Functions of one binary32 over all 2^32 inputs, as digests: BLAKE3 of 2^20 results in the order of their
 * inputs' bits; of 16 such digests; and of 256 of those, as `npm run test:functions` computes them too.
 *
 * `node dist/test/gpu/function-digests.js` computes the golden ones again, by portable code, and writes
 * them: an hour.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { toHex } from "../../src/base/bytes.js";
import { type Backend, float32, OwnedBytes, Session } from "../../src/compute/engine/session.js";
import { Hasher, hash, hashManyAsync } from "../../src/compute/native/hashing.js";
import { operatorModel } from "../onnx-writer.js";
import type { GpuCheck } from "./check.js";

const path = join("test", "vectors", "canonical-1", "function-digests.json");
const pieces = 16;
const shares = 256;
const shareLength = 2 ** 32 / shares;

/** By the names of `npm run test:functions`, the ONNX operators that are one such function. */
const operators = {
  sqrt: "Sqrt",
  reciprocal: "Reciprocal",
  exp: "Exp",
  log: "Log",
  tanh: "Tanh",
  sigmoid: "Sigmoid",
  erf: "Erf",
  sin: "Sin",
  cos: "Cos",
  tan: "Tan",
  asin: "Asin",
  acos: "Acos",
  atan: "Atan",
  sinh: "Sinh",
  cosh: "Cosh",
  asinh: "Asinh",
  acosh: "Acosh",
  atanh: "Atanh",
  softplus: "Softplus",
} as const;

async function digestOfAll(operator: string, backend: Backend): Promise<string> {
  const shape = [shareLength];
  const session = Session.compile(operatorModel(operator, 1), { a: shape });
  const bits = new Uint32Array(shareLength);
  const inputs = { a: float32(shape, new Float32Array(bits.buffer)) };
  const owned = OwnedBytes.take(new Uint8Array(4 * shareLength));
  const into = new Map([["c", { owned }]]);
  const all = new Hasher();
  for (let share = 0; share < shares; share += 1) {
    for (let i = 0; i < shareLength; i += 1) bits[i] = share * shareLength + i;
    await session.run(inputs, { backend, into, digests: false });
    all.update(hash(await hashManyAsync({ data: owned, count: pieces })));
  }
  return toHex(all.digest());
}

type Digests = Readonly<Record<string, string>>;

/** Every function on a CUDA device; minutes together. */
export function functionChecks(): readonly GpuCheck[] {
  const { digests } = JSON.parse(readFileSync(path, "utf8")) as { digests: Digests };
  return Object.entries(operators).map(([name, operator]) => ({
    name: `${name} of all inputs`,
    check: async () => {
      const got = await digestOfAll(operator, "cuda");
      return got === digests[name] ? undefined : `digest ${got}, golden ${digests[name]}`;
    },
  }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const digests: Record<string, string> = {};
  for (const [name, operator] of Object.entries(operators)) {
    digests[name] = await digestOfAll(operator, "portable");
    console.log(`${name} ${digests[name]}`);
  }
  writeFileSync(path, `${JSON.stringify({ digests }, null, 2)}\n`);
}
