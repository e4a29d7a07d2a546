/** Whether a result is the expected one, by the official runner's measure. */
import { floatReader, type HeldTensor } from "./elements.js";

/** The official runner's defaults. */
const relativeMax = 1e-3;
const absoluteMax = 1e-7;
/** One unit in the last place: the suite cuts what it stores as bfloat16, and so need not be nearest. */
const relativeMaxOfBfloat16 = 2 ** -7;

type Unnamed = Omit<HeldTensor, "name">;

/** What differs first, in words; undefined when nothing does. Integers and truth values are exact. */
export function firstDifference(
  actual: Unnamed,
  expected: HeldTensor,
  absolute = absoluteMax,
): string | undefined {
  const { name, dtype } = expected;
  const kind = (tensor: Unnamed) => `${tensor.dtype} [${tensor.shape.join(", ")}]`;
  if (kind(actual) !== kind(expected)) {
    return `${name} is ${kind(actual)} and should be ${kind(expected)}`;
  }
  const value = floatReader(dtype);
  const relative = dtype === "bfloat16" ? relativeMaxOfBfloat16 : relativeMax;
  for (let index = 0; index < expected.data.length; index += 1) {
    const [got, want] = [actual.data[index], expected.data[index]];
    if (value === undefined) {
      if (got === want) continue;
      return `${name}[${index}] is ${got} and should be ${want}`;
    }
    const [a, b] = [value(Number(got)), value(Number(want))];
    if (!isClose(a, b, relative, absolute)) return `${name}[${index}] is ${a} and should be ${b}`;
  }
  return undefined;
}

function isClose(actual: number, expected: number, relative: number, absolute: number): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  if (!Number.isFinite(expected)) return actual === expected;
  return Math.abs(actual - expected) <= absolute + relative * Math.abs(expected);
}
