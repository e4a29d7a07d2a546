/** The arithmetic: every backend against the golden vectors, and against the definition. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { seededRandom } from "../src/base/random.js";
import { type Backend, float32 } from "../src/compute/engine/session.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { compileModel } from "../src/compute/tensor/compile.js";
import { compute, differences } from "./canonical-check.js";
import { byFormula, matmulExact, toBitText } from "./canonical-reference.js";
import { makeVectors, readVectors } from "./canonical-vectors.js";
import { type NodeParts, operatorModel, writeModel } from "./onnx-writer.js";

const known: readonly Backend[] = ["portable", "avx2", "avx512"];
const usable = capabilities({ probeCuda: false }).backends;
const backends = known.filter((name) => name !== "auto" && usable.includes(name));

t.test("golden vectors are what the second implementation computes", async (t) => {
  t.same(readVectors(), makeVectors());
});

for (const backend of known) {
  const skip = backends.includes(backend) ? false : `this processor cannot run ${backend}`;
  t.test(`${backend} gives the golden bits, whole and in pieces`, { skip }, async (t) => {
    for (const pieces of [0, 1, 2, 3, 7]) {
      t.same(await differences(readVectors(), backend, pieces), [], `${pieces} pieces`);
    }
  });
}

const noFlush =
  process.arch === "x64" && spawnSync("cc", ["--version"]).status === 0
    ? false
    : "no C compiler for x86-64";
t.test("a host program that flushes subnormals changes no bit", { skip: noFlush }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const source = join(folder, "flush.c");
  const library = join(folder, "flush.so");
  const body = "__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);"; // to zero, both ways
  writeFileSync(source, `__attribute__((constructor)) static void flush(void) { ${body} }\n`);
  execFileSync("cc", ["-shared", "-fPIC", "-o", library, source]);
  const here = (name: string): string => new URL(name, import.meta.url).href;
  const program = `import { differences } from "${here("./canonical-check.js")}";
    import { operatorDifferences } from "${here("./canonical-programs.js")}";
    import { readOperatorVectors, readVectors } from "${here("./canonical-vectors.js")}";
    console.log(Math.fround(Number("1e-40")));
    for (const backend of ${JSON.stringify(backends)})
      for (const pieces of [1, 7])
        for (const line of [
          ...(await differences(readVectors(), backend, pieces)),
          ...(await operatorDifferences(readOperatorVectors(), backend, pieces)),
        ]) console.log(line);`;
  const preload = `${process.env.LD_PRELOAD ?? ""} ${library}`; // after a sanitizer, where one runs
  const told = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    env: { ...process.env, LD_PRELOAD: preload, QUIPU_THREADS: "4" },
    encoding: "utf8",
  });
  t.equal(told, "0\n", "JavaScript's own subnormals are gone, the kernels' are not");
  t.end();
});

const shape = fc.record({
  m: fc.integer({ min: 1, max: 45 }),
  n: fc.integer({ min: 1, max: 70 }),
  k: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 250, max: 520 })),
  seed: fc.integer(),
  formula: fc.constantFrom("unit" as const, "wide" as const, "bits" as const),
  pieces: fc.integer({ min: 0, max: 5 }),
});

async function product(
  backend: Backend,
  pieces: number,
  m: number,
  n: number,
  k: number,
  a: Float32Array<ArrayBuffer>,
  b: Float32Array<ArrayBuffer>,
) {
  const inputs = { a: float32([m, k], a), b: float32([k, n], b) };
  const c = (await compute(operatorModel("MatMul"), backend, pieces, inputs)).get("c");
  return c?.dtype === "float32" ? toBitText(c.data) : "";
}

t.test("matmul of any shape has the bits of the definition on every backend", async (t) => {
  const small = shape.filter(({ m, n, k }) => m * n * k < 20_000);
  await fc.assert(
    fc.asyncProperty(small, async ({ m, n, k, seed, formula, pieces }) => {
      const a = byFormula(formula, seed, m * k);
      const b = byFormula(formula, seed + 1, k * n);
      const wanted = toBitText(matmulExact(a, b, m, n, k));
      for (const backend of backends) {
        if ((await product(backend, pieces, m, n, k, a, b)) !== wanted) return false;
      }
      return true;
    }),
    { numRuns: 25 },
  );
  await fc.assert(
    fc.asyncProperty(shape, async ({ m, n, k, seed, formula, pieces }) => {
      const [rows, columns] = [m * 9, n * 17];
      const a = byFormula(formula, seed, rows * k);
      const b = byFormula(formula, seed + 1, k * columns);
      const bits = await Promise.all(
        backends.map((backend) => product(backend, pieces, rows, columns, k, a, b)),
      );
      return bits.every((text) => text === bits[0]);
    }),
    { numRuns: 8 },
  );
  t.pass("over random shapes, values and pieces");
});

t.test("axes broadcast in Add, Mul and in front of a MatMul", async (t) => {
  const a = float32([2, 1, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
  const b = float32([4, 1], Float32Array.of(10, 20, 30, 40));
  const left = float32([2, 1, 2, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const right = float32([3, 2, 1], Float32Array.of(1, 0, 0, 1, 1, 1));
  for (const backend of backends) {
    for (const pieces of [1, 3]) {
      const sum = (await compute(operatorModel("Add"), backend, pieces, { a, b })).get("c");
      t.same(sum?.shape, [2, 4, 3]);
      const row = [11, 12, 13, 21, 22, 23, 31, 32, 33, 41, 42, 43];
      t.same([...(sum?.data ?? [])], [...row, ...row.map((x) => x + 3)]);
      const c = (
        await compute(operatorModel("MatMul"), backend, pieces, { a: left, b: right })
      ).get("c");
      t.same(c?.shape, [2, 3, 2, 1]);
      t.same([...(c?.data ?? [])], [1, 3, 2, 4, 3, 7, 5, 7, 6, 8, 11, 15]);
    }
  }
});

/** A random chain of Add and Mul over a few tensors: what the memory plan must not mix up. */
function randomNodes(seed: number): NodeParts[] {
  const bytes = seededRandom(seed).bytes(300);
  const names = ["a", "b"];
  return Array.from({ length: 40 }, (_, i) => {
    const pick = (at: number): string => names[(bytes[at] as number) % names.length] as string;
    const inputs = [pick(i * 3), pick(i * 3 + 1)];
    const name = `t${i}`;
    names.push(name);
    if (names.length > 6) names.splice((bytes[i * 3 + 2] as number) % names.length, 1);
    return { operator: (bytes[i] as number) % 2 ? "Add" : "Mul", inputs, outputs: [name] };
  });
}

t.test("tensors that share memory never disturb each other", async (t) => {
  const a = byFormula("unit", 1, 37);
  const b = byFormula("unit", 2, 37);
  for (let seed = 0; seed < 25; seed += 1) {
    const nodes = randomNodes(seed);
    const values = new Map([
      ["a", a],
      ["b", b],
    ]);
    for (const { operator, inputs, outputs } of nodes) {
      const [x, y] = inputs.map((name) => values.get(name)) as [Float32Array, Float32Array];
      const op =
        operator === "Add" ? (p: number, q: number) => p + q : (p: number, q: number) => p * q;
      values.set(
        outputs[0] as string,
        Float32Array.from(x, (p, i) => op(p, y[i] as number)),
      );
    }
    const outputs = ["t39", "t20", "t39"];
    const model = writeModel({ nodes, inputs: [{ name: "a" }, { name: "b" }], outputs });
    const inputs = { a: float32([37], a), b: float32([37], b) };
    const got = await compute(model, "portable", 1, inputs);
    const differs = outputs.filter(
      (name) =>
        toBitText(got.get(name)?.data as Float32Array) !==
        toBitText(values.get(name) as Float32Array),
    );
    if (differs.length > 0) t.fail(`seed ${seed}: ${differs.join(", ")}`);
  }
  const { arenaBytes } = compileModel(
    writeModel({ nodes: randomNodes(1), inputs: [{ name: "a" }, { name: "b" }], outputs: ["t39"] }),
    { a: [1000], b: [1000] },
  );
  t.ok(arenaBytes < 8 * 4096, `40 tensors of 4000 bytes share ${arenaBytes} bytes`);
});
