/** The golden vectors of operators: made again, and held against every backend of this processor. */
import t from "tap";
import type { Backend } from "../src/compute/engine/session.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { given } from "./canonical-elements.js";
import { operatorDifferences } from "./canonical-programs.js";
import { makeOperatorVectors, readOperatorVectors } from "./canonical-vectors.js";

const vectors = readOperatorVectors();
const usable = capabilities({ probeCuda: false }).backends;

t.test("they are what the second implementation computes", async (t) => {
  t.strictSame(vectors, makeOperatorVectors());
});

for (const backend of ["portable", "avx2", "avx512"] as const satisfies readonly Backend[]) {
  const skip = usable.includes(backend) ? false : `this processor cannot run ${backend}`;
  t.test(`${backend} gives their bits, whole and in pieces`, { skip }, async (t) => {
    for (const pieces of [0, 1, 3]) {
      t.strictSame(await operatorDifferences(vectors, backend, pieces), [], `${pieces} pieces`);
    }
  });
}

t.test("a wrong bit is told with its place", async (t) => {
  const [vector] = vectors.scan.vectors;
  if (vector === undefined) throw new Error("no vectors");
  const scan = { ...vectors.scan, vectors: [{ ...vector, outputs: [given("float32", 0.5)] }] };
  const found = await operatorDifferences({ scan }, "portable", 1);
  t.match(found, [/^scan 1x1x1, output 0: element 0 is [0-9a-f]{8}, not 3f000000$/]);
});
