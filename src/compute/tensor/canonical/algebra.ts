/** Functions of terms that nearly every rule writes, in the type of their operands. */
import { apply, type Term } from "./term.js";

export const add = (a: Term, b: Term) => apply("add", a, b);
export const subtract = (a: Term, b: Term) => apply("subtract", a, b);
export const multiply = (a: Term, b: Term) => apply("multiply", a, b);
export const divide = (a: Term, b: Term) => apply("divide", a, b);
export const minimum = (a: Term, b: Term) => apply("minimum", a, b);
export const maximum = (a: Term, b: Term) => apply("maximum", a, b);
export const equal = (a: Term, b: Term) => apply("equal", a, b);
export const less = (a: Term, b: Term) => apply("less", a, b);
export const lessOrEqual = (a: Term, b: Term) => apply("less_or_equal", a, b);
/** `a` where the condition holds, else `b`. */
export const select = (condition: Term, a: Term, b: Term) => apply("select", condition, a, b);
/** A NaN stays one. */
export const clamp = (x: Term, least: Term, most: Term) => minimum(maximum(x, least), most);
