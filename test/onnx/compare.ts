/** Whether a result is the expected one, by the official runner's measure. */
import { floatReader, type HeldTensor } from "./elements.js";

/** The official runner's defaults. */
const relativeMax = 1e-3;
const absoluteMax = 1e-7;

/** What differs first, in words; undefined when nothing does. Integers and truth values are exact. */
export function firstDifference(
  actual: Omit<HeldTensor, "name">,
  expected: HeldTensor,
): string | undefined {
  const kind = (tensor: Omit<HeldTensor, "name">) => `${tensor.dtype} [${tensor.shape.join(", ")}]`;
  if (kind(actual) !== kind(expected)) {
    return `${expected.name} is ${kind(actual)} and should be ${kind(expected)}`;
  }
  const value = floatReader(expected.dtype);
  for (let index = 0; index < expected.data.length; index += 1) {
    const got = actual.data[index];
    const want = expected.data[index];
    const same =
      value === undefined ? got === want : isClose(value(Number(got)), value(Number(want)));
    if (same) continue;
    const shown = (element: typeof got) => (value === undefined ? element : value(Number(element)));
    return `${expected.name}[${index}] is ${shown(got)} and should be ${shown(want)}`;
  }
  return undefined;
}

function isClose(actual: number, expected: number): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  if (!Number.isFinite(expected)) return actual === expected;
  return Math.abs(actual - expected) <= absoluteMax + relativeMax * Math.abs(expected);
}
