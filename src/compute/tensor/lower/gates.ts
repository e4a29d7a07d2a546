/** The activation functions of recurrent layers, by name and with their numbers. */
import { add, clamp, maximum, multiply } from "../canonical/algebra.js";
import { apply, constant, type Term } from "../canonical/term.js";
import { elu, hardSigmoid, leaky, onlyAbove, softsign } from "./activations.js";
import type { Operation } from "./operation.js";

export type Activation = (x: Term) => Term;

interface Kind {
  /** What alpha and beta are without being given; as many as the function takes. */
  readonly numbers: readonly number[];
  readonly compute: (x: Term, alpha: number, beta: number) => Term;
}

const scaled = (x: Term, factor: number) => multiply(constant(factor), x);
const plain = (name: string): Kind => ({ numbers: [], compute: (x) => apply(name, x) });

const kinds: ReadonlyMap<string, Kind> = new Map([
  ["sigmoid", plain("sigmoid")],
  ["tanh", plain("tanh")],
  ["softplus", plain("softplus")],
  ["softsign", { numbers: [], compute: softsign }],
  ["relu", { numbers: [], compute: (x) => maximum(x, constant(0)) }],
  ["leakyrelu", { numbers: [0.01], compute: leaky }],
  ["elu", { numbers: [1], compute: elu }],
  ["thresholdedrelu", { numbers: [1], compute: onlyAbove }],
  ["hardsigmoid", { numbers: [0.2, 0.5], compute: hardSigmoid }],
  ["affine", { numbers: [1, 0], compute: (x, a, b) => add(scaled(x, a), constant(b)) }],
  ["scaledtanh", { numbers: [1, 1], compute: (x, a, b) => scaled(apply("tanh", scaled(x, b)), a) }],
]);

/** Of each direction its functions, of which `usual` are those that are not named. */
export function activationsOf(
  operation: Operation,
  directions: number,
  usual: readonly string[],
): readonly (readonly Activation[])[] {
  const every = Array.from({ length: directions }, () => usual).flat();
  const names = operation.texts("activations") ?? every;
  if (names.length !== every.length) {
    throw operation.wrong(`names ${names.length} activations and needs ${every.length}`);
  }
  const given = [operation.numbers("activation_alpha"), operation.numbers("activation_beta")];
  const clip = operation.number("clip", Number.POSITIVE_INFINITY);
  if (!(clip > 0)) throw operation.wrong(`clips at ${clip}, which has to be above 0`);
  const all = names.map((name, place): Activation => {
    const kind = kinds.get(name.toLowerCase());
    if (kind === undefined) throw operation.unsupported(`has the activation ${name}`);
    // Numbers are given in the order of the functions that take them.
    const [alpha = 0, beta = 0] = kind.numbers.map((usually, at) => given[at]?.shift() ?? usually);
    const compute = (x: Term) => kind.compute(x, alpha, beta);
    // The sums of gates are bounded; the cell goes into its activation, the third, as it is.
    if (clip === Number.POSITIVE_INFINITY || place % usual.length === 2) return compute;
    return (x) => compute(clamp(x, constant(-clip), constant(clip)));
  });
  return Array.from({ length: directions }, (_, at) =>
    all.slice(at * usual.length, (at + 1) * usual.length),
  );
}
