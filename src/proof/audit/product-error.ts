/**
 * How far a product that was rounded to `tf32` or `bf16` may lie from the exact one: what a device is
 * held to, whatever it is. Pure.
 *
 * The model, for an element sum(a[p]·b[p]) of k terms, T = sum(|a[p]·b[p]|):
 * - each operand is rounded, in any direction, to 11 (tf32) or 8 (bf16) significant bits or to more:
 *   by a factor within 1 ± e, e = 2^-10 or 2^-7. Tensor cores cut tf32 operands off, so this is not
 *   half of it;
 * - each product of two is exact or rounded to 24 bits in any direction;
 * - products are added in any order and any grouping, joined or not. An addition of several numbers may
 *   cut each off at 2^-23 of the largest (no extra bits), and its result at 24 bits;
 * - what is smaller than 2^-126 may become zero anywhere.
 * So at most 3k + 1 errors of 2^-23 · M, M the largest magnitude met: each of k products, k additions
 * with at most 2k numbers in all, k results, and one for all products. With q = (3k + 1) · 2^-23,
 * M <= (1 + e)^2·T / (1 - q), and the element lies within ((1 + e)^2 / (1 - q) - 1) · T of the exact one.
 *
 * After Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., chapters 3 and 4; and for what
 * tensor cores do (numbers aligned to the largest and cut off, with one or two bits more from Ampere
 * on), Fasi, Higham, Mikaitis, Pranesh, Numerical behavior of NVIDIA tensor cores, PeerJ Computer
 * Science 7:e330, 2021, and Khattak, Mikaitis, Accurate Models of NVIDIA Tensor Cores, arXiv 2512.07004.
 */
import { QuipuError } from "../../base/errors.js";

const operandErrors = { tf32: 2 ** -10, bf16: 2 ** -7 } as const;
export type FastFormat = keyof typeof operandErrors;

/** (3k + 1) · 2^-23 is at most a quarter. */
export const termsMax = 699_050;

/** Numbers of this size whose sums of products all stay far below what binary32 holds: rows of A, columns of B. */
export const normMax = 2 ** 62;

/** The part of sum(|a[p]·b[p]|) by which an element may be wrong. */
export function relativeError(format: FastFormat, terms: number): number {
  if (terms > termsMax) {
    throw new QuipuError(
      "LIMIT_EXCEEDED",
      `a sum of ${terms} products may lose everything in binary32; at most ${termsMax} have a bound`,
    );
  }
  const operand = 1 + operandErrors[format];
  return (operand * operand) / (1 - (3 * terms + 1) * 2 ** -23) - 1;
}

/**
 * What numbers below 2^-126 add for a row of n elements: operands, 2^-126 · (1 + e) of what each is multiplied
 * by; products, additions and results, 4k of them; all of it grown by 1 / (1 - q).
 */
export function underflowError(
  { n, k }: { readonly n: number; readonly k: number },
  aSum: number,
  bSum: number,
): number {
  return 2 ** -125 * (n * aSum + bSum + 4 * k * n);
}
