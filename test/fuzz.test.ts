/** The corpus of the fuzzers (`npm run test:fuzz`), replayed: what was once found stays found. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { NativeProgram } from "../src/compute/native/program.js";
import { rules } from "../src/compute/tensor/lower/rules.js";
import { fuzz } from "./fuzz/importer.js";

const corpus = join("test", "fuzz", "corpus");

t.test("the compiler takes or refuses every model of the corpus", (t) => {
  const names = readdirSync(join(corpus, "importer"));
  for (const name of names) {
    t.doesNotThrow(() => fuzz(readFileSync(join(corpus, "importer", name))), name);
  }
  const seeded = new Set(names.map((name) => name.replace(/-\d\.onnx$/, "")));
  const missing = [...rules.keys()].filter((operator) => !seeded.has(operator));
  t.same(missing, [], "each operator has a seed");
  t.end();
});

t.test("the decoder takes or refuses every program of the corpus", async (t) => {
  for (const name of readdirSync(join(corpus, "program"))) {
    const bytes = readFileSync(join(corpus, "program", name));
    try {
      new NativeProgram(bytes, 1 << 20);
      t.pass(name);
    } catch (error) {
      t.ok(error instanceof QuipuError && error.code !== "INTERNAL", name);
    }
  }
});
