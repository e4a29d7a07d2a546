/** The yardstick itself, and what of the official ONNX suite has to pass. */
import t from "tap";
import { ChildRun } from "./onnx/child-run.js";
import { firstDifference } from "./onnx/compare.js";
import type { HeldTensor } from "./onnx/elements.js";
import { readRequired, requiredOf } from "./onnx/required.js";
import { runTests } from "./onnx/run-suite.js";
import { findSuite, listTests, suiteMissing } from "./onnx/suite.js";

const suite = findSuite();
const skip = suite === undefined ? suiteMissing : false;

t.test("a task whose process dies or hangs is one answer, and the next one is taken", async (t) => {
  const child = new ChildRun<string, string>({
    module: new URL("./fixtures/faulty-child.js", import.meta.url),
    timeoutMs: 5_000,
  });
  t.teardown(() => child.end());
  t.same(await child.ask("first"), { result: "first done" });
  t.same(await child.ask("die"), { fault: "its process died: signal SIGSEGV" });
  t.same(await child.ask("second"), { result: "second done" });
  t.same(await child.ask("leave"), { fault: "its process died: exit code 3" });
  const refused = { fault: "MODEL_UNSUPPORTED: as asked", code: "MODEL_UNSUPPORTED" };
  t.same(await child.ask("fail"), refused);
  t.same(await child.ask("hang"), { fault: "no answer within 5000 ms" });
  t.same(await child.ask("last"), { result: "last done" });
});

t.test("results are measured as the official runner measures them", async (t) => {
  const floats = (...values: number[]): HeldTensor => ({
    name: "y",
    dtype: "float32",
    shape: [values.length],
    data: Float32Array.from(values),
  });
  const halves = (...bits: number[]): HeldTensor => ({
    ...floats(...bits),
    dtype: "float16",
    data: Uint16Array.from(bits),
  });
  const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
  t.equal(firstDifference(floats(1.0009, nan, -0), floats(1, nan, 0)), undefined);
  t.equal(firstDifference(floats(infinity, -infinity), floats(infinity, -infinity)), undefined);
  t.match(firstDifference(floats(0, 1.002), floats(0, 1)), /^y\[1\] is 1\.00.* and should be 1$/);
  t.match(firstDifference(floats(infinity), floats(-infinity)), "y[0] is Infinity");
  t.match(firstDifference(floats(nan), floats(0)), "y[0] is NaN");
  t.match(firstDifference(floats(0), floats(nan)), "should be NaN");
  t.match(firstDifference(floats(1), floats(1, 2)), "y is float32 [1] and should be float32 [2]");
  t.equal(firstDifference(halves(0x3c01, 0x8000, 0xfc00), halves(0x3c00, 0, 0xfc00)), undefined);
  t.match(firstDifference(halves(0x0001), halves(0x0003)), "y[0] is 5.96");
  const whole = { name: "y", dtype: "int64", shape: [1] };
  const [one, two] = [[1n], [2n]].map((data) => ({ ...whole, data: BigInt64Array.from(data) }));
  t.equal(firstDifference(one as HeldTensor, one as HeldTensor), undefined);
  t.equal(firstDifference(one as HeldTensor, two as HeldTensor), "y[0] is 1 and should be 2");
});

t.test("the list of what has to pass is what its rule takes", { skip }, async (t) => {
  const folder = suite as string;
  t.same(readRequired(), requiredOf(folder, listTests(folder)));
});

t.test("what has to pass passes", { skip }, async (t) => {
  for await (const { name, verdict, why } of runTests(suite as string, readRequired())) {
    t.equal(verdict, "passed", why === "" ? name : `${name}: ${why}`);
  }
});
