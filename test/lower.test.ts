/**
 * What operators become: those on known values are computed while compiling, so that their meaning can
 * be seen without a run; and what is refused, by which code and with which words.
 */
import t from "tap";
import { floats, type Given, integers, refused, results, unknown } from "./lowered.js";

const six = floats([2, 3], 1, 2, 3, 4, 5, 6);

t.test("slices", async (t) => {
  const old = { version: 9, attributes: { starts: [-2], ends: [99], axes: [1] } };
  t.same(results("Slice", [six], old), ["float32 [2, 2]: 2 3 5 6"]);
  const sliced = (start: number, end: number, step: number) =>
    results("Slice", [six, integers(start), integers(end), integers(-1), integers(step)]);
  t.same(sliced(0, 3, 2), ["float32 [2, 2]: 1 3 4 6"]);
  t.same(sliced(99, -99, -1), ["float32 [2, 3]: 3 2 1 6 5 4"]);
  t.same(sliced(-1, 0, -1), ["float32 [2, 2]: 3 2 6 5"]);
  t.same(sliced(2, 1, 1), ["float32 [2, 0]: "]);
  t.same(sliced(-99, -99, -1), ["float32 [2, 1]: 1 4"]);
  t.match(
    await refused("Slice", [six, integers(0), integers(1), integers(0), integers(0)]),
    /^MODEL_INVALID .*step/,
  );
  t.match(await refused("Slice", [six, integers(0, 0), integers(1, 1), integers(0, -2)]), /twice/);
  t.match(await refused("Slice", [six, integers(0), integers(1), integers(2)]), /axis 2/);
});

t.test("splits and joins", async (t) => {
  const two = { outputs: 2, attributes: { axis: 1 } };
  t.same(results("Split", [six, integers(1, 2)], two), [
    "float32 [2, 1]: 1 4",
    "float32 [2, 2]: 2 3 5 6",
  ]);
  t.same(
    results("Split", [six], { version: 2, outputs: 2, attributes: { split: [2, 0], axis: 0 } }),
    ["float32 [2, 3]: 1 2 3 4 5 6", "float32 [0, 3]: "],
  );
  t.match(await refused("Split", [six], two), /^SHAPE_MISMATCH .*\[1.5, 1.5\]/);
  t.match(await refused("Split", [six, integers(4, -1)], two), /^SHAPE_MISMATCH/);
  t.same(results("Concat", [six, floats([2, 1], 7, 8)], { attributes: { axis: -1 } }), [
    "float32 [2, 4]: 1 2 3 7 4 5 6 8",
  ]);
  t.match(await refused("Concat", [six, floats([1, 1], 7)], { attributes: { axis: 1 } }), /axis 1/);
  t.match(
    await refused("Concat", [six, integers(7)], { attributes: { axis: 0 } }),
    /^MODEL_INVALID/,
  );
});

t.test("transposes, expands and tiles", async (t) => {
  t.same(results("Transpose", [six]), ["float32 [3, 2]: 1 4 2 5 3 6"]);
  t.match(await refused("Transpose", [six], { attributes: { perm: [0, 0] } }), /\[0, 0\]/);
  t.same(results("Expand", [floats([2, 1], 1, 2), integers(2, 1, 2)]), [
    "float32 [2, 2, 2]: 1 1 2 2 1 1 2 2",
  ]);
  t.match(await refused("Expand", [six, integers(2, 2)]), /^SHAPE_MISMATCH/);
  t.match(await refused("Expand", [six, unknown([2], "int64")]), /^MODEL_UNSUPPORTED .*in1/);
  t.same(results("Tile", [six, integers(2, 2)]), [
    "float32 [4, 6]: 1 2 3 1 2 3 4 5 6 4 5 6 1 2 3 1 2 3 4 5 6 4 5 6",
  ]);
  const row = floats([2], 1, 2);
  t.same(results("Tile", [row, integers(3), integers(0)], { version: 1 }), [
    "float32 [6]: 1 2 1 2 1 2",
  ]);
  t.same(results("Tile", [row, integers(0)]), ["float32 [0]: "]);
});

t.test("pads", async (t) => {
  const row = floats([3], 1, 2, 3);
  const padded = (mode: string, ...pads: number[]) =>
    results("Pad", [row, integers(...pads)], { attributes: { mode } });
  t.same(padded("constant", 1, 2), ["float32 [6]: 0 1 2 3 0 0"]);
  t.same(padded("constant", -1, 1), ["float32 [3]: 2 3 0"]);
  t.same(padded("edge", 2, 1), ["float32 [6]: 1 1 1 2 3 3"]);
  t.same(padded("reflect", 2, 2), ["float32 [7]: 3 2 1 2 3 2 1"]);
  t.same(padded("reflect", 5, 0), ["float32 [8]: 2 1 2 3 2 1 2 3"]);
  t.same(
    results("Pad", [row], { version: 2, attributes: { pads: [0, 1], value: { float: -1.5 } } }),
    ["float32 [4]: 1 2 3 -1.5"],
  );
  t.same(results("Pad", [integers(7), integers(1, 0), { ...integers(-1), shape: [] }]), [
    "int64 [2]: -1 7",
  ]);
  t.match(await refused("Pad", [row, integers(-1, 0)], { attributes: { mode: "edge" } }), /crops/);
  t.match(await refused("Pad", [row, integers(1, 0)], { attributes: { mode: "wrap" } }), /wrap/);
  t.match(
    await refused("Pad", [floats([0]), integers(1, 0)], { attributes: { mode: "edge" } }),
    /nothing/,
  );
});

t.test("makes tensors", async (t) => {
  t.same(results("ConstantOfShape", [integers(2, 1)]), ["float32 [2, 1]: 0 0"]);
  t.same(results("ConstantOfShape", [integers()]), ["float32 []: 0"]);
  t.match(await refused("ConstantOfShape", [integers(-1)]), /^MODEL_INVALID/);
  const scalars = (...of: number[]) => of.map((of) => ({ ...integers(of), shape: [] }));
  t.same(results("Range", scalars(5, -2, -3)), ["int64 [3]: 5 2 -1"]);
  t.same(results("Range", scalars(5, 9, -3)), ["int64 [0]: "]);
  t.match(await refused("Range", scalars(5, 9, 0)), /step of 0/);
  t.match(await refused("Range", scalars(0, 2 ** 40, 1)), /^LIMIT_EXCEEDED .*positions/);
  t.same(results("EyeLike", [unknown([2, 3])], { attributes: { k: 1, dtype: 7 } }), [
    "int64 [2, 3]: 0 1 0 0 0 1",
  ]);
  t.same(results("Trilu", [six, integers(-1)], { attributes: { upper: 0 } }), [
    "float32 [2, 3]: 0 0 0 4 0 0",
  ]);
  const hot = [integers(1, -1, 9), integers(3), floats([2], 0, 1)];
  t.same(results("OneHot", hot), ["float32 [3, 3]: 0 1 0 0 0 1 0 0 0"]);
  t.same(results("OneHot", hot, { version: 9 }), ["float32 [3, 3]: 0 1 0 0 0 0 0 0 0"]);
  t.same(results("OneHot", hot, { attributes: { axis: 0 } }), [
    "float32 [3, 3]: 0 0 0 1 0 0 0 1 0",
  ]);
  t.match(await refused("HannWindow", [integers(1)], { attributes: { periodic: 0 } }), /window/);
});

t.test("what the data decide is computed where they are known", async (t) => {
  const bools: Given = { dtype: "bool", shape: [2], elements: [0n, 1n] };
  t.same(results("Compress", [six, bools], { attributes: { axis: 0 } }), ["float32 [1, 3]: 4 5 6"]);
  t.same(results("Compress", [six, bools]), ["float32 [1]: 2"]);
  t.match(
    await refused("Compress", [six, unknown([2], "bool")]),
    /^MODEL_UNSUPPORTED .*depends on in1/,
  );
  t.same(results("NonZero", [floats([2, 2], 0, 3, -0, Number.NaN)]), ["int64 [2, 2]: 0 1 1 1"]);
  t.same(results("NonZero", [floats([], 3)]), ["int64 [0, 1]: "]);
  const { NaN: nan } = Number;
  const repeated = floats([6], 2, nan, 1, 2, nan, 1);
  t.same(results("Unique", [repeated], { outputs: 4 }), [
    "float32 [3]: 1 2 NaN",
    "int64 [3]: 2 0 1",
    "int64 [6]: 1 2 0 1 2 0",
    "int64 [3]: 2 2 2",
  ]);
  t.same(
    results("Unique", [floats([2, 3], 1, 0, 1, 2, 0, 2)], {
      attributes: { axis: 1, sorted: 0 },
    })[0],
    "float32 [2, 2]: 1 0 2 0",
  );
});

t.test("follows indices", async (t) => {
  t.same(results("Gather", [six, integers(-1, 0)], { attributes: { axis: 1 } }), [
    "float32 [2, 2]: 3 1 6 4",
  ]);
  const pairs: Given = { dtype: "int64", shape: [2, 1], elements: [0n, 1n] };
  t.same(results("GatherND", [six, pairs]), ["float32 [2, 3]"]);
  t.same(results("GatherND", [six, pairs], { attributes: { batch_dims: 1 } }), ["float32 [2]"]);
  t.match(await refused("GatherND", [six, unknown([2, 3], "int64")]), /^SHAPE_MISMATCH/);
  t.match(
    await refused("GatherElements", [six, unknown([3, 3], "int64")], { attributes: { axis: 1 } }),
    /^SHAPE_MISMATCH/,
  );
  const updates = [six, unknown([1, 3], "int64"), unknown([1, 3])];
  t.same(results("Scatter", updates, { version: 9 }), ["float32 [2, 3]"]);
  t.match(await refused("ScatterElements", updates, { attributes: { reduction: "mean" } }), /mean/);
  t.match(await refused("ScatterElements", [six, updates[1], unknown([1, 2])]), /one update/);
  t.match(await refused("ScatterND", [six, unknown([4, 1], "int64"), unknown([4])]), /\[4, 3\]/);
  t.match(await refused("Gather", [six, floats([1], 0)]), /^MODEL_UNSUPPORTED .*int64/);
});

t.test("a mean of integers and a bias without a scale are no operators of ONNX", async (t) => {
  t.match(await refused("Mean", [integers(1, 2), integers(3, 4)]), /^MODEL_UNSUPPORTED .*int64/);
  const biased = await refused("LayerNormalization", [six, undefined, floats([3], 1, 2, 3)]);
  t.match(biased, /^MODEL_INVALID .*input 1/);
});

t.test("drops nothing, and says so where it should", async (t) => {
  t.same(results("Dropout", [six], { outputs: 2 })[1], "bool [2, 3]: 1 1 1 1 1 1");
  t.same(results("Dropout", [six], { version: 11, outputs: 2 }).length, 1, "no mask is defined");
  t.same(results("Dropout", [six], { version: 6, attributes: { is_test: 1 } }).length, 1);
  t.match(await refused("Dropout", [six], { version: 6 }), /at random/);
  const training: Given = { dtype: "bool", shape: [], elements: [1n] };
  t.match(await refused("Dropout", [six, undefined, training]), /at random/);
});
