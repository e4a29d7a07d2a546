/**
 * What each ONNX operator means: the one table of the lowering of `canonical-1`. Another lowering is
 * another arithmetic.
 */
import { rules as elementwise } from "./elementwise.js";
import { rules as matmul } from "./matmul.js";
import type { Rule } from "./operation.js";
import { rules as shape } from "./shape.js";
import { rules as topk } from "./topk.js";

export const rules: ReadonlyMap<string, Rule> = new Map(
  [elementwise, matmul, shape, topk].flatMap((family) => Object.entries(family)),
);
