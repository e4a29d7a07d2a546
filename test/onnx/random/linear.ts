import type { AttributeParts } from "../../onnx-writer.js";
import type { Family } from "./cases.js";

export const linear: Family = {
  MatMul: (dice) => {
    const [m, n, k] = [dice.integer(1, 9), dice.integer(1, 9), dice.integer(1, 9)];
    const leading = dice.shape(0, 2, 3);
    const cut = () =>
      leading
        .slice(dice.chance(30) ? dice.integer(0, leading.length) : 0)
        .map((size) => (dice.chance(25) ? 1 : size));
    const a = dice.chance(15) ? [k] : [...cut(), m, k];
    const b = dice.chance(15) ? [k] : [...cut(), k, n];
    return { operator: "MatMul", opset: 13, inputs: [dice.floats("a", a), dice.floats("b", b)] };
  },
  Gemm: (dice) => {
    const [m, n, k] = [dice.integer(1, 9), dice.integer(1, 9), dice.integer(1, 9)];
    const [transA, transB] = [dice.integer(0, 1), dice.integer(0, 1)];
    const attributes: Record<string, AttributeParts> = { transA, transB };
    if (dice.chance(50)) attributes.alpha = { float: dice.real(2) };
    if (dice.chance(50)) attributes.beta = { float: dice.real(2) };
    const c = dice.pick([undefined, [], [1], [n], [m, 1], [1, n], [m, n]]);
    const inputs = [
      dice.floats("a", transA ? [k, m] : [m, k]),
      dice.floats("b", transB ? [n, k] : [k, n]),
      c === undefined ? undefined : dice.floats("c", c),
    ];
    return { operator: "Gemm", opset: dice.pick([11, 13]), inputs, attributes };
  },
  Einsum: (dice) => {
    const sizes = new Map([..."bijkl"].map((letter) => [letter, dice.integer(1, 4)]));
    const equation = dice.pick([
      ...[
        "ij,jk->ik",
        "bij,bjk->bik",
        "ij->ji",
        "ij->i",
        "ij->",
        "ii->i",
        "ii",
        "i,i->",
        "i,j->ij",
      ],
      ...[
        "bij,bkj->bik",
        "ij,j",
        "bijk->kb",
        "ijk,jl->ikl",
        "bij,jk,kl->bil",
        "iij->j",
        "ij,ij->ij",
      ],
    ]);
    const terms = (equation.split("->")[0] ?? "").split(",");
    const inputs = terms.map((term, index) =>
      dice.floats(
        `x${index}`,
        [...term].map((letter) => sizes.get(letter) as number),
      ),
    );
    return { operator: "Einsum", opset: 12, inputs, attributes: { equation } };
  },
};
