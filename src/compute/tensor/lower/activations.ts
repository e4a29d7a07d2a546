/** Activations: what they are of one number, for layers that have their own too, and as operators. */
import {
  add,
  clamp,
  divide,
  less,
  maximum,
  multiply,
  select,
  subtract,
} from "../canonical/algebra.js";
import { apply, constant, type Term } from "../canonical/term.js";
import { checked, elementwise, family, floats, numeric } from "./elementwise.js";
import type { Rules } from "./operation.js";

/** x where `positive`, else `otherwise`; a NaN is not below 0 and stays itself. */
function unlessNegative(x: Term, otherwise: Term): Term {
  return select(less(x, constant(0)), otherwise, x);
}

export const hardSigmoid = (x: Term, alpha: number, beta: number) =>
  clamp(add(multiply(constant(alpha), x), constant(beta)), constant(0), constant(1));

/** alpha · (e^x - 1) below 0. */
export const elu = (x: Term, alpha: number) =>
  unlessNegative(x, multiply(constant(alpha), apply("expm1", x)));

export const leaky = (x: Term, alpha: number) => unlessNegative(x, multiply(constant(alpha), x));

export const softsign = (x: Term) => divide(x, add(constant(1), apply("absolute", x)));

/** x where it is above alpha, else 0. */
export const onlyAbove = (x: Term, alpha: number) =>
  select(less(constant(alpha), x), x, constant(0));

export const rules: Rules = {
  Relu: elementwise(1, (operation, x) => maximum(x, numeric(operation, x, 0))),
  LeakyRelu: floats((x, operation) => leaky(x, operation.number("alpha", 0.01))),
  PRelu: elementwise(2, (operation, x, slope) => {
    const below = checked(operation, "multiply", slope as Term, x as Term);
    const zero = numeric(operation, x as Term, 0);
    return select(less(x as Term, zero), below, x as Term);
  }),
  Elu: floats((x, operation) => elu(x, operation.number("alpha", 1))),
  Selu: floats((x, operation) => {
    const alpha = operation.number("alpha", 1.6732631921768188);
    const gamma = constant(operation.number("gamma", 1.0507010221481323));
    return multiply(gamma, elu(x, alpha));
  }),
  Celu: floats((x, operation) => {
    const alpha = operation.number("alpha", 1);
    const below = multiply(constant(alpha), apply("expm1", divide(x, constant(alpha))));
    return unlessNegative(x, below);
  }),
  ThresholdedRelu: floats((x, operation) => onlyAbove(x, operation.number("alpha", 1))),
  Sigmoid: family("sigmoid"),
  HardSigmoid: floats((x, operation) =>
    hardSigmoid(x, operation.number("alpha", 0.2), operation.number("beta", 0.5)),
  ),
  HardSwish: floats((x) => multiply(x, hardSigmoid(x, 1 / 6, 0.5))),
  Softplus: family("softplus"),
  Softsign: floats(softsign),
  Shrink: floats((x, operation) => {
    const bias = constant(operation.number("bias", 0));
    const lambda = operation.number("lambd", 0.5);
    const above = select(less(constant(lambda), x), subtract(x, bias), constant(0));
    return select(less(x, constant(-lambda)), add(x, bias), above);
  }),
};
