import type { AttributeParts } from "../../onnx-writer.js";
import type { Family } from "./cases.js";

export const learning: Family = {
  SVMClassifier: (dice) => {
    const [rows, features, classes] = [dice.integer(1, 9), dice.integer(1, 5), dice.integer(2, 5)];
    const counts = dice.times(classes, () => dice.integer(1, 4));
    const vectors = counts.reduce((sum, count) => sum + count, 0);
    const pairs = (classes * (classes - 1)) / 2;
    const floats = (count: number, range = 1) => ({
      floats: dice.times(count, () => dice.real(range)),
    });
    const attributes: Record<string, AttributeParts> = {
      classlabels_ints: dice.shuffled([0, 1, 2, 3, 7]).slice(0, classes),
      vectors_per_class: counts,
      support_vectors: floats(vectors * features, 2),
      coefficients: floats((classes - 1) * vectors),
      rho: floats(pairs),
      kernel_type: dice.pick(["LINEAR", "POLY", "RBF", "SIGMOID"]),
      kernel_params: { floats: [0.3, 0.5, dice.integer(1, 3)] },
    };
    const hasChances = dice.chance(50);
    if (hasChances) {
      attributes.prob_a = { floats: dice.times(pairs, () => -1 - dice.integer(0, 100) / 100) };
      attributes.prob_b = floats(pairs);
    }
    // Of a single score programs differ in what the functions give.
    if (classes > 2 || hasChances) {
      attributes.post_transform = dice.pick(["NONE", "NONE", "LOGISTIC", "SOFTMAX"]);
    }
    const inputs = [dice.floats("x", [rows, features], 2)];
    return { operator: "ai.onnx.ml.SVMClassifier", opset: 17, inputs, attributes, outputs: 2 };
  },
};
