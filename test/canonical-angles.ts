/** Trigonometric functions, the error function and powers of `canonical-1` a second time; see canonical-functions.ts. */
import { shared } from "./canonical-functions.js";

const { add, subtract, multiply, divide, root, fma, polynomial, bitsOf, withSign, scale, round } =
  shared;

const halfPi = [round(1.57079637), round(-4.37113883e-8), round(-1.71512451e-15)] as const;

interface Angle {
  readonly high: number;
  readonly low: number;
  readonly quadrant: number;
}

/** 2/π · 2^224, under 32 bits of zeros. */
const twoOverPi = 0xa2f9836e_4e441529_fc2757d1_f534ddc0_db629599_3c439041_fe5163abn;

function reduceLarge(x: number): Angle {
  const bits = bitsOf(Math.abs(x));
  const significand = BigInt((bits & 0x7fffff) | 0x800000);
  const skipped = BigInt((bits >>> 23) - 120);
  const window = (twoOverPi >> (160n - skipped)) & (2n ** 96n - 1n);
  const turned = ((significand * window) >> 32n) & (2n ** 64n - 1n);
  const quarters = (turned + 2n ** 61n) >> 62n;
  // The conversion and the product are binary64, nearest even.
  const angle = Number(turned - quarters * 2n ** 62n) * (Math.PI / 2 / 2 ** 62);
  const high = round(angle);
  const low = round(angle - high);
  const quadrant = Number(quarters & 3n);
  return x < 0 ? { high: -high, low: -low, quadrant: (4 - quadrant) & 3 } : { high, low, quadrant };
}

function angleOf(x: number): Angle {
  if (!Number.isFinite(x)) return { high: Number.NaN, low: 0, quadrant: 0 };
  if (Math.abs(x) >= 2 ** 17) return reduceLarge(x);
  const n = subtract(fma(x, round(0.636619747), 12582912), 12582912);
  const exact = fma(n, -halfPi[0], x);
  const part = multiply(n, -halfPi[1]);
  const partLost = fma(n, -halfPi[1], -part);
  const high = add(exact, part);
  const added = subtract(high, exact);
  const highLost = add(subtract(exact, subtract(high, added)), subtract(part, added));
  const low = fma(n, -halfPi[2], add(highLost, partLost));
  return { high, low, quadrant: n & 3 };
}

function sineOf({ high: r, low }: Angle, quadrant: number): number {
  const square = multiply(r, r);
  const s = polynomial(square, -0.000195181, 0.008332188, -0.16666655);
  const sine = add(r, fma(multiply(r, square), s, low));
  const c = polynomial(square, 2.4432553e-5, -0.0013887311, 0.041666646);
  const rest = fma(multiply(square, square), c, -multiply(r, low));
  const cosine = add(1, fma(square, -0.5, rest));
  const y = (quadrant & 1) === 1 ? cosine : sine;
  return (quadrant & 2) === 2 ? -y : y;
}

function sin(x: number): number {
  const angle = angleOf(x);
  return x === 0 ? x : sineOf(angle, angle.quadrant);
}

function cos(x: number): number {
  const angle = angleOf(x);
  return sineOf(angle, angle.quadrant + 1);
}

function tan(x: number): number {
  if (x === 0) return x;
  const { high: r, low, quadrant } = angleOf(x);
  const square = multiply(r, r);
  const p = polynomial(
    square,
    ...[0.0043762084, 9.15678e-5, 0.010832282, 0.021284558, 0.054059174, 0.13332674, 0.3333335],
  );
  const tangent = add(r, fma(multiply(r, square), p, fma(square, low, low)));
  return (quadrant & 1) === 1 ? divide(-1, tangent) : tangent;
}

interface ArcSine {
  readonly wide: boolean;
  readonly s: number;
  readonly rest: number;
}

function arcSine(x: number): ArcSine {
  const size = Math.abs(x);
  const wide = size > 0.5;
  const half = fma(size, -0.5, 0.5);
  const square = wide ? half : multiply(size, size);
  const s = wide ? root(half) : size;
  const p = polynomial(
    square,
    ...[0.037697405, 0.0143146515, 0.031839106, 0.044513375, 0.07500522, 0.1666666],
  );
  return { wide, s, rest: multiply(multiply(s, square), p) };
}

function asin(x: number): number {
  const { wide, s, rest } = arcSine(x);
  const most = fma(-2, s, halfPi[0]);
  return withSign(wide ? add(most, fma(-2, rest, halfPi[1])) : add(s, rest), x);
}

function acos(x: number): number {
  const { wide, s, rest } = arcSine(x);
  const sign = wide ? 1 : withSign(1, x);
  const less = fma(sign, s, fma(sign, rest, -halfPi[1]));
  const right = subtract(halfPi[0], less);
  if (!wide) return right;
  const half = x < 0 ? right : add(s, rest);
  return add(half, half);
}

function atan(x: number): number {
  const size = Math.abs(x);
  const wide = size > 1;
  const u = wide ? divide(-1, size) : size;
  const square = multiply(u, u);
  const p = polynomial(
    square,
    ...[-0.0017827613, 0.010868471, -0.031096693, 0.0578812, -0.083993, 0.1095088],
    ...[-0.14264016, 0.1999853, -0.333333],
  );
  const rest = fma(multiply(u, square), p, wide ? halfPi[1] : 0);
  return withSign(add(wide ? halfPi[0] : 0, add(u, rest)), x);
}

/** Centres, then coefficients from the lowest power up. */
const erfTable: readonly (readonly number[])[] = [
  [
    0.068359375, 0.25585938, 0.5019531, 0.77124023, 1.0080566, 1.2736816, 1.5307617, 1.7802734,
    2.038086, 2.2810059, 2.543457, 2.8032227, 3.046875, 3.3024902, 3.5598145, 3.8117676,
  ],
  [
    1.126624, 1.1042325, 1.0403652, 0.9395184, 0.8392567, 0.7288617, 0.6334094, 0.55507606,
    0.48871934, 0.4378524, 0.3930391, 0.35670602, 0.32819974, 0.3028009, 0.28091338, 0.26234546,
  ],
  [
    -0.05127959, -0.18508475, -0.32533053, -0.41106436, -0.4273677, -0.3973223, -0.3430096,
    -0.28515303, -0.23109843, -0.18923503, -0.15384161, -0.12709293, -0.107682414, -0.09168239,
    -0.07891137, -0.068825,
  ],
  [
    -0.3729712, -0.33348995, -0.22893533, -0.08949933, 0.015504406, 0.089147225, 0.115734234,
    0.11274843, 0.095669486, 0.07675525, 0.058735754, 0.04490184, 0.035237, 0.027740816,
    0.022163777, 0.018055294,
  ],
  [
    0.03068187, 0.106789805, 0.16714586, 0.16707024, 0.124036916, 0.060885347, 0.011367984,
    -0.015925532, -0.025763672, -0.025117757, -0.020356564, -0.015254149, -0.011363761,
    -0.008356762, -0.0062180874, -0.0047360137,
  ],
  [
    0.11081581, 0.08756275, 0.031881962, -0.028463408, -0.056817614, -0.056672134, -0.03786572,
    -0.01752667, -0.0031238447, 0.0032966977, 0.005084323, 0.0045169727, 0.0034611684, 0.0024729846,
    0.0017325961, 0.0012468442,
  ],
  [
    -0.0104326205, -0.03606769, -0.04964666, -0.036557876, -0.010921641, 0.009723131, 0.01717448,
    0.014405011, 0.008090967, 0.0029001606, 0.00018544924, -0.00080023764, -0.00084658555,
    -0.0006630646, -0.0004724476, -0.00029042116,
  ],
];

export function erf(x: number): number {
  const inside = Math.min(Math.max(x, -round(3.92)), round(3.92));
  const size = Math.abs(inside);
  const piece = subtract(fma(size, round(3.93846154), 12582912), 12582912);
  const at = (power: number): number => round(erfTable[power + 1]?.[piece & 15] as number);
  const d = subtract(size, at(-1));
  let p = at(5);
  for (let power = 4; power >= 1; power -= 1) p = fma(p, d, at(power));
  return fma(inside, at(0), multiply(multiply(inside, d), p));
}

const gelu = (x: number): number =>
  multiply(multiply(x, 0.5), add(1, erf(multiply(x, round(0.707106769)))));

/** c, then -log c as a multiple of 2^-16, then what that leaves. */
const logTable: readonly (readonly number[])[] = [
  [
    1.3836392, 1.326292, 1.2735094, 1.2247671, 1.1796184, 1.13768, 1.0986212, 1.0621555, 1.0280327,
    1, 0.9341747, 0.88264096, 0.83649564, 0.7949356, 0.7573098, 0.72308487,
  ],
  [
    -0.3247223, -0.2823944, -0.24177551, -0.20274353, -0.16519165, -0.1289978, -0.094055176,
    -0.060302734, -0.027648926, 0, 0.06808472, 0.12483215, 0.17852783, 0.22949219, 0.27798462,
    0.324234,
  ],
  [
    5.148602e-6, 7.3018737e-6, -8.70757e-7, -7.1641275e-6, 6.891312e-7, 6.654441e-6, -8.080288e-7,
    2.4144063e-6, 1.988354e-6, 0, 7.078846e-6, 4.62402e-6, 6.1412493e-6, 2.00644e-6, -1.7495446e-6,
    -5.3268204e-6,
  ],
];

function longLog(x: number): { readonly high: number; readonly low: number } {
  const tiny = x < 2 ** -126;
  const bits = bitsOf(tiny ? x * 2 ** 23 : x);
  const { m, k: near } = shared.split(bits, 0x3f3504f3);
  const k = tiny ? near - 23 : near;
  const piece = ((bits - 0x3f3504f3) >> 19) & 15;
  const [c, whole, part] = logTable.map((row) => round(row[piece] as number)) as [
    number,
    number,
    number,
  ];
  const product = multiply(m, c);
  const productLost = fma(m, c, -product);
  const r = subtract(product, 1);
  const start = fma(k, round(0.69314575), whole);
  const square = multiply(r, r);
  const squareLost = fma(r, r, -square);
  const one = add(start, r);
  const added = subtract(one, start);
  const oneLost = add(subtract(start, subtract(one, added)), subtract(r, added));
  const two = fma(square, -0.5, one);
  const twoLost = fma(square, -0.5, subtract(one, two));
  const p = polynomial(r, 0.1490688, -0.16683188, 0.19998255, -0.24999996, 0.33333334);
  let low = fma(k, round(1.42860677e-6), part);
  low = add(low, fma(subtract(square, r), productLost, productLost));
  low = fma(squareLost, -0.5, low);
  low = add(fma(multiply(square, r), p, low), add(oneLost, twoLost));
  const high = add(two, low);
  return { high, low: subtract(low, subtract(high, two)) };
}

function power(x: number, y: number): number {
  if (x === 1 || y === 0 || (x === -1 && Math.abs(y) === Infinity)) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  const size = Math.abs(x);
  const sign = Math.abs(y) % 2 === 1 ? withSign(1, x) : 1;
  if (size === 0 || size === Infinity || Math.abs(y) === Infinity) {
    return sign * (size < 1 === y < 0 ? Infinity : 0);
  }
  if (x < 0 && !Number.isInteger(y)) return Number.NaN;
  const { high, low: logLow } = longLog(size);
  const product = multiply(y, high);
  const inside = Math.min(Math.max(product, -104), 90);
  const lost = fma(y, logLow, Number.isFinite(product) ? fma(y, high, -product) : 0);
  const e = shared.exponentialOfSum(inside, inside === product ? lost : 0);
  return sign * scale(e.power, e.exponent);
}

export const angles = Object.freeze({ erf, gelu, sin, cos, tan, asin, acos, atan, power });
