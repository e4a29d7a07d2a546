/** Operators over windows, axes and grids: the shapes that they give, and what they refuse. */
import t from "tap";
import { axisTaps, type Sampling } from "../src/compute/tensor/lower/resize-axis.js";
import { floats, integers, refused, results, unknown } from "./lowered.js";

t.test("convolutions", async (t) => {
  const image = unknown([2, 6, 9, 9]);
  const shapeOf = (weights: readonly number[], attributes: object = {}) =>
    results("Conv", [image, unknown(weights)], { attributes: { ...attributes } });
  t.same(shapeOf([4, 6, 3, 2]), ["float32 [2, 4, 7, 8]"]);
  t.same(shapeOf([4, 3, 3, 3], { group: 2, strides: [2, 3], pads: [1, 0, 2, 4] }), [
    "float32 [2, 4, 5, 4]",
  ]);
  t.same(shapeOf([4, 6, 2, 2], { auto_pad: "SAME_LOWER", strides: [2, 1] }), [
    "float32 [2, 4, 5, 9]",
  ]);
  const refusal = (weights: readonly number[], attributes: object = {}) =>
    refused("Conv", [image, unknown(weights)], { attributes: { ...attributes } });
  t.match(await refusal([4, 6, 3, 3], { group: 3 }), /^MODEL_INVALID .*3 groups for 4/);
  t.match(await refusal([4, 5, 3, 3]), /^SHAPE_MISMATCH .*1 groups of 5 channels/);
  t.match(await refusal([4, 6, 10, 3]), /^SHAPE_MISMATCH .*larger than spatial axis 0/);
  t.match(await refusal([4, 6, 3]), /^SHAPE_MISMATCH .*number of axes/);
  t.match(await refusal([4, 6, 3, 3], { kernel_shape: [3, 2] }), /^SHAPE_MISMATCH/);
  t.match(await refusal([4, 6, 3, 3], { pads: [1, 1] }), /^MODEL_INVALID .*2 numbers in pads/);
  t.match(await refusal([4, 6, 3, 3], { pads: [0, -1, 0, 0] }), /^MODEL_UNSUPPORTED .*below 0/);
  t.match(await refusal([4, 6, 3, 3], { auto_pad: "SAME" }), /^MODEL_INVALID .*auto_pad = SAME/);
  const deep = [unknown([1, 1, 2, 2, 2, 2]), unknown([1, 1, 1, 1, 1, 1])];
  t.match(await refused("Conv", deep), /^MODEL_UNSUPPORTED .*4 spatial axes/);
  const empty = [unknown([1, 1, 0, 2]), unknown([1, 1, 1, 1])];
  t.match(await refused("Conv", empty), /^SHAPE_MISMATCH .*spatial axis is empty/);
});

t.test("transposed convolutions", async (t) => {
  const shapeOf = (attributes: object) =>
    results("ConvTranspose", [unknown([1, 4, 3, 3]), unknown([4, 2, 3, 3])], {
      attributes: { ...attributes },
    });
  t.same(shapeOf({ strides: [3, 2], output_padding: [1, 0] }), ["float32 [1, 2, 10, 7]"]);
  t.same(shapeOf({ strides: [2, 2], auto_pad: "SAME_UPPER" }), ["float32 [1, 2, 6, 6]"]);
  t.same(shapeOf({ strides: [3, 2], output_shape: [10, 8] }), ["float32 [1, 2, 10, 8]"]);
  t.same(shapeOf({ group: 2, pads: [1, 1, 1, 1] }), ["float32 [1, 4, 3, 3]"]);
  t.same(shapeOf({ strides: [9, 9], dilations: [2, 1] }), ["float32 [1, 2, 23, 21]"]);
  const all = { pads: [3, 0, 2, 0] };
  const inputs = [unknown([1, 4, 3, 3]), unknown([4, 2, 3, 3])];
  t.match(await refused("ConvTranspose", inputs, { attributes: all }), /^SHAPE_MISMATCH .*nothing/);
});

t.test("pooling", async (t) => {
  const shapeOf = (operator: string, attributes: object, outputs = 1) =>
    results(operator, [unknown([2, 3, 5, 5])], { attributes: { ...attributes }, outputs });
  const ceil = { kernel_shape: [2, 2], strides: [3, 3], ceil_mode: 1 };
  t.same(shapeOf("MaxPool", ceil), ["float32 [2, 3, 2, 2]"]);
  // A third window would start behind the last element.
  const late = { ...ceil, kernel_shape: [1, 1], pads: [0, 0, 0, 2] };
  t.same(shapeOf("MaxPool", late), ["float32 [2, 3, 2, 2]"]);
  t.same(shapeOf("MaxPool", { kernel_shape: [2, 2] }, 2), [
    "float32 [2, 3, 4, 4]",
    "int64 [2, 3, 4, 4]",
  ]);
  t.same(shapeOf("AveragePool", { ...ceil, count_include_pad: 1 }), ["float32 [2, 3, 2, 2]"]);
  t.same(shapeOf("GlobalAveragePool", {}), ["float32 [2, 3, 1, 1]"]);
  t.same(shapeOf("LpPool", { kernel_shape: [2, 2], p: 3 }), ["float32 [2, 3, 4, 4]"]);
  const pooled = [unknown([2, 3, 5, 5], "float16")];
  const window = { attributes: { kernel_shape: [2, 2] } };
  t.same(results("AveragePool", pooled, window), ["float16 [2, 3, 4, 4]"]);
  t.same(results("MaxPool", [unknown([2, 3, 5, 5], "uint8")], window), ["uint8 [2, 3, 4, 4]"]);
  t.match(await refused("MaxPool", pooled), /^MODEL_INVALID .*no window/);
});

t.test("resizing", async (t) => {
  const row = floats([1, 1, 2], 1, 3);
  const resized = (attributes: object, ...inputs: Parameters<typeof results>[1]) =>
    results("Resize", [row, ...inputs], { attributes: { ...attributes } });
  const scales = floats([3], 1, 1, 2);
  t.same(resized({}, undefined, scales), ["float32 [1, 1, 4]: 1 1 3 3"]);
  t.same(resized({ mode: "linear" }, undefined, scales), ["float32 [1, 1, 4]: 1 1.5 2.5 3"]);
  const sized = [undefined, undefined, integers(1, 1, 3)];
  const aligned = { mode: "linear", coordinate_transformation_mode: "align_corners" };
  t.same(resized(aligned, ...sized), ["float32 [1, 1, 3]: 1 2 3"]);
  const old = { version: 10, attributes: { mode: "nearest" } };
  t.same(results("Resize", [row, floats([3], 1, 1, 1.5)], old), ["float32 [1, 1, 3]: 1 1 3"]);
  const crop = { mode: "nearest", coordinate_transformation_mode: "tf_crop_and_resize" };
  const region = floats([6], 0, 0, 0, 1, 1, 2);
  t.same(
    resized({ ...crop, extrapolation_value: { float: 9 } }, region, undefined, integers(1, 1, 3)),
    ["float32 [1, 1, 3]: 1 3 9"],
  );
  const refusal = (attributes: object, ...inputs: Parameters<typeof results>[1]) =>
    refused("Resize", [row, ...inputs], { attributes: { ...attributes } });
  t.match(await refusal({}), /^MODEL_INVALID .*neither scales nor sizes/);
  t.match(await refusal({}, undefined, floats([2], 1, 2)), /^SHAPE_MISMATCH .*2 sizes or scales/);
  t.match(await refusal({}, undefined, floats([3], 1, 1, -1)), /^SHAPE_MISMATCH .*axis 2/);
  t.match(await refusal({ mode: "area" }, undefined, scales), /^MODEL_INVALID .*mode = area/);
  t.match(await refusal(crop, ...sized), /^MODEL_INVALID .*no whole region/);
  t.match(await refusal({}, undefined, unknown([3])), /^MODEL_UNSUPPORTED .*depends on in2/);
});

t.test("cubic weights sum to 1, also where taps outside are left out", async (t) => {
  const sampling: Sampling = {
    mode: "cubic",
    transform: "half_pixel",
    nearest: "floor",
    cubicA: -0.75,
    excludesOutside: true,
  };
  const axis = { size: 3, out: 7, length: 7, scale: 7 / 3, region: [0, 1] as const };
  const { taps } = axisTaps([0, 1, 2, 3, 4, 5, 6], axis, sampling);
  t.equal(taps.length, 4);
  for (let at = 0; at < axis.out; at += 1) {
    const sum = taps.reduce((total, { weights }) => total + (weights[at] as number), 0);
    t.ok(Math.abs(sum - 1) < 1e-12, `position ${at}`);
    t.ok(taps.every(({ indices }) => (indices[at] as number) >= 0 && (indices[at] as number) < 3));
  }
});

t.test("reductions and places of extremes", async (t) => {
  const known = { dtype: "int64" as const, shape: [2, 3], elements: [1n, 2n, 3n, 4n, 5n, 6n] };
  const keep = (keepdims: number, axes: readonly number[]) => ({ attributes: { keepdims, axes } });
  t.same(results("ReduceMax", [known], keep(0, [-1])), ["int64 [2]: 3 6"]);
  t.same(results("ReduceSum", [known, integers(0)]), ["int64 [1, 3]: 5 7 9"]);
  t.same(results("ReduceProd", [known]), ["int64 [1, 1]: 720"]);
  const nothing = { attributes: { noop_with_empty_axes: 1 } };
  t.same(results("ReduceSum", [known], nothing), ["int64 [2, 3]: 1 2 3 4 5 6"]);
  t.same(results("ArgMax", [unknown([2, 3])], { attributes: { axis: 1, keepdims: 0 } }), [
    "int64 [2]",
  ]);
  t.match(await refused("ArgMax", [unknown([0, 3])]), /^SHAPE_MISMATCH .*empty axis/);
  t.same(results("ArgMin", [unknown([2], "int64")]), ["int64 [1]"]);
  t.match(await refused("ArgMin", [unknown([2], "bool")]), /^MODEL_UNSUPPORTED .*bool/);
  t.match(await refused("ReduceL2", [known]), /^MODEL_UNSUPPORTED .*float32.*int64/);
  t.match(await refused("ReduceMean", [known], keep(1, [2])), /^MODEL_INVALID .*axis 2/);
  t.match(await refused("CumSum", [known, unknown([], "int64")]), /^MODEL_UNSUPPORTED .*in1/);
});

t.test("normalisation", async (t) => {
  const image = unknown([2, 3, 4, 5]);
  const [channels, rows] = [unknown([3]), unknown([4, 5])];
  const four = [channels, channels, channels, channels];
  t.same(results("BatchNormalization", [image, ...four]), ["float32 [2, 3, 4, 5]"]);
  const training = { attributes: { training_mode: 1 } };
  t.match(await refused("BatchNormalization", [image, ...four], training), /training mode/);
  t.match(await refused("BatchNormalization", [image, ...four], { version: 6 }), /training mode/);
  t.match(
    await refused("BatchNormalization", [image, channels, channels, channels, rows]),
    /^SHAPE_MISMATCH .*input 4 must hold one number for each of 3 channels/,
  );
  const half = [unknown([2, 3, 4, 5], "float16"), unknown([4, 5], "float16")];
  t.same(results("LayerNormalization", half, { attributes: { axis: 2 } }), [
    "float16 [2, 3, 4, 5]",
    "float32 [2, 3, 1, 1]",
    "float32 [2, 3, 1, 1]",
  ]);
  const exact = { attributes: { stash_type: 11 } };
  t.match(await refused("LayerNormalization", [image, unknown([5])], exact), /another type/);
  t.match(await refused("LpNormalization", [image], { attributes: { p: 3 } }), /p = 3/);
  t.match(await refused("LRN", [image]), /^MODEL_INVALID .*size/);
});

t.test("sums of products over named axes", async (t) => {
  const shapeOf = (equation: string, ...inputs: Parameters<typeof results>[1]) =>
    results("Einsum", inputs, { attributes: { equation } });
  t.same(shapeOf("bij, bjk", unknown([2, 3, 4]), unknown([2, 4, 5])), ["float32 [3, 5]"]);
  t.same(shapeOf("...ij,...jk->...ik", unknown([7, 1, 3, 4]), unknown([6, 4, 5])), [
    "float32 [7, 6, 3, 5]",
  ]);
  t.same(shapeOf("ii->i", floats([2, 2], 1, 2, 3, 4)), ["float32 [2]: 1 4"]);
  t.same(shapeOf("i,j->ij", floats([2], 1, 2), floats([2], 3, 4)), ["float32 [2, 2]: 3 4 6 8"]);
  const refusal = (equation: string, ...inputs: Parameters<typeof results>[1]) =>
    refused("Einsum", inputs, { attributes: { equation } });
  t.match(await refusal("ij->k", unknown([2, 3])), /^MODEL_INVALID .*unknown axis k/);
  t.match(await refusal("ij->ii", unknown([2, 3])), /^MODEL_INVALID .*twice/);
  t.match(await refusal("i,j->ij", unknown([2])), /^MODEL_INVALID .*for 1 inputs/);
  t.match(await refusal("i1->i", unknown([2, 3])), /^MODEL_INVALID .*equation/);
  t.match(await refusal("ij,jk->ik", unknown([2, 3]), unknown([4, 5])), /^SHAPE_MISMATCH .*j is/);
});

t.test("blocks of space, losses, places in images", async (t) => {
  const eight = floats([1, 4, 1, 2], 1, 2, 3, 4, 5, 6, 7, 8);
  const two = { attributes: { blocksize: 2 } };
  t.same(results("DepthToSpace", [eight], two), ["float32 [1, 1, 2, 4]: 1 3 2 4 5 7 6 8"]);
  t.match(await refused("SpaceToDepth", [eight], two), /^SHAPE_MISMATCH .*blocks of 2/);
  const scores = [unknown([3, 5, 2]), unknown([3, 2], "int64")];
  t.same(results("SoftmaxCrossEntropyLoss", scores, { outputs: 2 }), [
    "float32 []",
    "float32 [3, 5, 2]",
  ]);
  t.match(
    await refused("NegativeLogLikelihoodLoss", [scores[0], unknown([3], "int64")]),
    /^SHAPE_MISMATCH .*one target for each position/,
  );
  const grid = [unknown([2, 3, 4, 4]), unknown([2, 6, 7, 2])];
  for (const mode of ["bilinear", "nearest", "bicubic"]) {
    for (const padding_mode of ["zeros", "border", "reflection"]) {
      t.same(results("GridSample", grid, { attributes: { mode, padding_mode } }), [
        "float32 [2, 3, 6, 7]",
      ]);
    }
  }
  t.match(await refused("GridSample", [grid[0], unknown([1, 6, 7, 2])]), /^SHAPE_MISMATCH .*grid/);
  const places = [unknown([1, 1, 2, 2]), unknown([1, 1, 2, 2], "int64")];
  const window = { attributes: { kernel_shape: [2, 2], strides: [2, 2] } };
  t.same(results("MaxUnpool", [...places, integers(1, 1, 5, 5)], window), ["float32 [1, 1, 5, 5]"]);
  t.match(
    await refused("MaxUnpool", [...places, integers(1, 1, 3, 4)], window),
    /^SHAPE_MISMATCH .*do not fit/,
  );
});
