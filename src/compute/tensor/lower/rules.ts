/**
 * What each ONNX operator means: the one table of the lowering of `canonical-1`. Another lowering is
 * another arithmetic.
 */
import { rules as activations } from "./activations.js";
import { rules as branch } from "./branch.js";
import { rules as choices } from "./choices.js";
import { rules as convolution } from "./convolution.js";
import { rules as deciding } from "./deciding.js";
import { rules as depth } from "./depth.js";
import { rules as dropout } from "./dropout.js";
import { rules as einsum } from "./einsum.js";
import { rules as elementwise } from "./elementwise.js";
import { rules as fourier } from "./fourier.js";
import { rules as generate } from "./generate.js";
import { rules as gridSample } from "./grid-sample.js";
import { rules as indexing } from "./indexing.js";
import { rules as labels } from "./labels.js";
import { rules as layerNormalisation } from "./layer-normalisation.js";
import { rules as learning } from "./learning.js";
import { rules as loop } from "./loop.js";
import { rules as loss } from "./loss.js";
import { rules as lpPool } from "./lp-pool.js";
import { rules as matmul } from "./matmul.js";
import { rules as movement } from "./movement.js";
import { rules as normalise } from "./normalise.js";
import type { Rule } from "./operation.js";
import { rules as pad } from "./pad.js";
import { rules as pool } from "./pool.js";
import { rules as recurrent } from "./recurrent.js";
import { rules as reduce } from "./reduce.js";
import { rules as resize } from "./resize.js";
import { rules as shape } from "./shape.js";
import { rules as softmax } from "./softmax.js";
import { rules as supportVectorClasses } from "./support-vector-classes.js";
import { rules as supportVectors } from "./support-vectors.js";
import { rules as topk } from "./topk.js";
import { rules as trees } from "./trees.js";
import { rules as unpool } from "./unpool.js";

const families = [
  activations,
  branch,
  choices,
  convolution,
  deciding,
  depth,
  dropout,
  einsum,
  elementwise,
  fourier,
  generate,
  gridSample,
  indexing,
  labels,
  layerNormalisation,
  learning,
  loop,
  loss,
  lpPool,
  matmul,
  movement,
  normalise,
  pad,
  pool,
  recurrent,
  reduce,
  resize,
  shape,
  softmax,
  supportVectorClasses,
  supportVectors,
  topk,
  trees,
  unpool,
];

export const rules: ReadonlyMap<string, Rule> = new Map(
  families.flatMap((family) => Object.entries(family)),
);
