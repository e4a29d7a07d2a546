/** The files of golden vectors of operators, and what is in each. */
import type { OperatorVector } from "./canonical-elements.js";
import { mapVectors } from "./canonical-map-cases.js";
import { copyVectors, gatherVectors, scatterVectors } from "./canonical-move-cases.js";
import {
  normaliseVectors,
  reductionVectors,
  scanVectors,
  softmaxVectors,
} from "./canonical-reduction-cases.js";
import { treeVectors } from "./canonical-tree-cases.js";
import { convolutionVectors, poolVectors } from "./canonical-window-cases.js";

export const operatorFiles = Object.freeze({
  ...{ map: mapVectors, reduce: reductionVectors, scan: scanVectors, softmax: softmaxVectors },
  ...{ normalise: normaliseVectors, convolution: convolutionVectors, pool: poolVectors },
  ...{ copy: copyVectors, gather: gatherVectors, scatter: scatterVectors, trees: treeVectors },
}) satisfies Readonly<Record<string, () => OperatorVector[]>>;
export type OperatorFile = keyof typeof operatorFiles;
