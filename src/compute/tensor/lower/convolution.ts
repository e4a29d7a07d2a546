/** Conv and ConvTranspose. The bias is one addition after the product. */
import { add } from "../canonical/algebra.js";
import { read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { convolution } from "../canonical/window.js";
import type { Operation, Rules } from "./operation.js";
import { onHalves } from "./storage.js";
import { transposed } from "./transposed.js";
import { perAxis, spatialShape, windowOf } from "./window.js";

/** Channels are axis 1. */
function addBias(operation: Operation, product: Value): Value {
  if (operation.optional(2) === undefined) return product;
  const { builder } = operation;
  const bias = operation.float(2);
  const channels = product.shape[1] as number;
  if (bias.shape.join() !== `${channels}`) {
    throw operation.mismatch(`the bias must hold one number for each of ${channels} channels`);
  }
  const seen = builder.reshape(bias, [channels, ...product.shape.slice(2).map(() => 1)]);
  return builder.map(product.shape, add(read(product), read(seen)));
}

/** The window's size is that of the weights; where the node says it too, they must agree. */
function kernelOf(operation: Operation, value: Value, weights: Value): readonly number[] {
  if (weights.shape.length !== value.shape.length) {
    throw operation.mismatch("weights and input differ in their number of axes");
  }
  const kernel = weights.shape.slice(2);
  if (kernel.includes(0)) throw operation.mismatch("the window is empty");
  const said = operation.integers("kernel_shape");
  if (said === undefined || said.join() === kernel.join()) return kernel;
  throw operation.mismatch(`the window is [${said.join(", ")}] by the model`);
}

function groupsOf(operation: Operation, channels: number): number {
  const groups = operation.integer("group", 1);
  if (groups < 1 || channels % groups !== 0) {
    throw operation.wrong(`has ${groups} groups for ${channels} channels`);
  }
  return groups;
}

export const rules: Rules = onHalves({
  Conv: (operation) => {
    const [value, weights] = [operation.float(0), operation.float(1)];
    const spatial = spatialShape(operation, value);
    const window = windowOf(operation, spatial, kernelOf(operation, value, weights));
    const [results, channels] = weights.shape as [number, number];
    const groups = groupsOf(operation, results);
    if (channels * groups !== value.shape[1]) {
      throw operation.mismatch(`${groups} groups of ${channels} channels are expected`);
    }
    const product = convolution(operation.builder, value, weights, groups, window);
    return [addBias(operation, product)];
  },
  ConvTranspose: (operation) => {
    const [value, weights] = [operation.float(0), operation.float(1)];
    const spatial = spatialShape(operation, value);
    const kernel = kernelOf(operation, value, weights);
    const groups = groupsOf(operation, weights.shape[0] as number);
    if (value.shape[1] !== weights.shape[0]) {
      throw operation.mismatch(`${weights.shape[0]} channels are expected`);
    }
    const strides = perAxis(operation, "strides", spatial.length, 1);
    const dilations = perAxis(operation, "dilations", spatial.length, 1);
    const product = transposed(operation, value, weights, groups, { kernel, strides, dilations });
    return [addBias(operation, product)];
  },
});
