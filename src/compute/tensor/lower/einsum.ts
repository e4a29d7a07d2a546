/** Einsum: operands are joined from left to right; what two share and nobody else needs is a dot product. */
import { multiply } from "../canonical/algebra.js";
import { matmul, reduce } from "../canonical/arithmetic.js";
import { denseStrides, transpose, view } from "../canonical/layout.js";
import { read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";
import { onHalves } from "./storage.js";

/** A tensor whose axes have names, each another one. */
interface Named {
  readonly value: Value;
  readonly labels: readonly string[];
}

interface Equation {
  readonly operands: readonly (readonly string[])[];
  readonly result: readonly string[];
}

/** Letters; the axes of an ellipsis are called by their number from the last one on. */
function labelsOf(operation: Operation, text: string, ellipsis: number): string[] {
  const [before = "", after, ...more] = text.split("...");
  const letters = `${before}${after ?? ""}`;
  if (more.length > 0 || !/^[a-zA-Z]*$/.test(letters)) {
    throw operation.wrong(`has the equation ${operation.text("equation", "")}`);
  }
  const numbers = Array.from({ length: ellipsis }, (_, at) => `${ellipsis - 1 - at}`);
  return after === undefined ? [...before] : [...before, ...numbers, ...after];
}

function equationOf(operation: Operation): Equation {
  const text = operation.text("equation", "").replaceAll(" ", "");
  const [left = "", right] = text.split("->");
  const texts = left.split(",");
  if (texts.length !== operation.inputCount) {
    throw operation.wrong(`has the equation ${text} for ${operation.inputCount} inputs`);
  }
  const hidden = texts.map((of, index) => {
    const rank = operation.input(index).shape.length;
    return of.includes("...") ? rank - (of.length - 3) : 0;
  });
  const operands = texts.map((of, index) => {
    const labels = labelsOf(operation, of, Math.max(0, hidden[index] as number));
    const rank = operation.input(index).shape.length;
    if (labels.length !== rank) throw operation.mismatch(`${of} does not name ${rank} axes`);
    return labels;
  });
  const ellipsis = Math.max(0, ...hidden);
  if (right !== undefined) return { operands, result: labelsOf(operation, right, ellipsis) };
  const all = operands.flat();
  const once = [...new Set(all)].filter((label) => /[a-zA-Z]/.test(label));
  const letters = once.filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort();
  return { operands, result: [...labelsOf(operation, "...", ellipsis), ...letters] };
}

function sizesOf(operation: Operation, { operands, result }: Equation): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const [index, labels] of operands.entries()) {
    for (const [axis, label] of labels.entries()) {
      const size = operation.input(index).shape[axis] as number;
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && size !== 1 && size !== known) {
        throw operation.mismatch(`${label} is ${known} and ${size} long`);
      }
      sizes.set(label, known === 1 ? size : known);
    }
  }
  const strange = result.find((label) => !sizes.has(label));
  if (strange !== undefined) throw operation.wrong(`has a result with an unknown axis ${strange}`);
  if (new Set(result).size < result.length)
    throw operation.wrong("names an axis of its result twice");
  return sizes;
}

/** Axes of one name become their diagonal; those of size 1 that others extend are left out. */
function operandOf(
  { builder }: Operation,
  value: Value,
  labels: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Named {
  const strides = denseStrides(value.shape);
  const kept = [...new Set(labels)].filter((label) => {
    const lengths = value.shape.filter((_, axis) => labels[axis] === label);
    return sizes.get(label) === Math.max(...lengths);
  });
  const shape = kept.map((label) => sizes.get(label) as number);
  if (labels.length === new Set(labels).size)
    return { value: builder.reshape(value, shape), labels: kept };
  const fromStrides = kept.map((label) =>
    strides.reduce(
      (sum, stride, axis) =>
        labels[axis] === label && value.shape[axis] !== 1 ? sum + stride : sum,
      0,
    ),
  );
  return { value: view(builder, value, shape, 0, fromStrides), labels: kept };
}

/** Sums over the axes that are not needed any more. */
function summed({ builder }: Operation, named: Named, needed: ReadonlySet<string>): Named {
  const axes = named.labels.flatMap((label, axis) => (needed.has(label) ? [] : [axis]));
  if (axes.length === 0) return named;
  return {
    value: reduce(builder, named.value, "sum", axes, false),
    labels: named.labels.filter((label) => needed.has(label)),
  };
}

/** Axes in this order, some left out. */
function ordered(
  { builder }: Operation,
  { value, labels }: Named,
  order: readonly string[],
): Value {
  const axes = order.flatMap((label) => {
    const axis = labels.indexOf(label);
    return axis < 0 ? [] : [axis];
  });
  return transpose(builder, value, axes);
}

function join(
  operation: Operation,
  a: Named,
  b: Named,
  needed: ReadonlySet<string>,
  sizes: ReadonlyMap<string, number>,
): Named {
  const { builder } = operation;
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const isFloat = a.value.dtype === "float32";
  const dots = isFloat ? shared.filter((label) => !needed.has(label)) : [];
  const batch = shared.filter((label) => !dots.includes(label));
  const left = a.labels.filter((label) => !shared.includes(label));
  const right = b.labels.filter((label) => !shared.includes(label));
  const labels = [...batch, ...left, ...right];
  const shapeOf = (of: readonly string[]) => of.map((label) => sizes.get(label) as number);
  const count = (of: readonly string[]) => sizeOf(shapeOf(of));
  const [outer, rows, columns] = [count(batch), count(left), count(right)];
  const first = ordered(operation, a, [...batch, ...left, ...dots]);
  const second = ordered(operation, b, [...batch, ...dots, ...right]);
  let product: Value;
  if (dots.length > 0) {
    const inner = count(dots);
    const x = builder.reshape(first, [outer, rows, inner]);
    const y = builder.reshape(second, [outer, inner, columns]);
    product = matmul(builder, x, y, [outer]);
  } else {
    const x = read(builder.reshape(first, [outer, rows, 1]));
    const y = read(builder.reshape(second, [outer, 1, columns]));
    product = builder.map([outer, rows, columns], multiply(x, y));
  }
  return { value: builder.reshape(product, shapeOf(labels)), labels };
}

function einsum(operation: Operation): Value {
  const dtype = operation.typed(0, "float32", "int64", "int32").dtype;
  const equation = equationOf(operation);
  const sizes = sizesOf(operation, equation);
  const operands = equation.operands.map((labels, index) =>
    operandOf(operation, operation.typed(index, dtype), labels, sizes),
  );
  let total: Named | undefined;
  for (const [index, operand] of operands.entries()) {
    const rest = operands.slice(index + 1).flatMap(({ labels }) => labels);
    const needed = new Set([...equation.result, ...rest]);
    if (total !== undefined) {
      const known: Named = total;
      const own = summed(operation, operand, new Set([...needed, ...known.labels]));
      const other = summed(operation, known, new Set([...needed, ...own.labels]));
      total = join(operation, other, own, needed, sizes);
    } else total = operand;
    total = summed(operation, total, needed);
  }
  return ordered(operation, total as Named, equation.result);
}

export const rules: Rules = onHalves({ Einsum: (operation) => [einsum(operation)] });
