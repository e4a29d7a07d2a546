/** A rounded product is told from a wrong one: what devices may do passes, and what is beyond it is found. */
import fc from "fast-check";
import t from "tap";
import { concatBytes, sha256, toHex } from "../src/base/bytes.js";
import { seededRandom } from "../src/base/random.js";
import {
  type CheckOptions,
  checkProducts,
  type ProductReport,
  type Products,
} from "../src/proof/audit/freivalds.js";
import { relativeError, termsMax, underflowError } from "../src/proof/audit/product-error.js";
import { limitsOf, type Product } from "../src/proof/audit/product-limits.js";
import { lotOf, worstOfColumns } from "../src/proof/audit/product-lines.js";
import { worstOfSigns } from "../src/proof/audit/product-signs.js";
import {
  type Device,
  exactProduct,
  finish,
  type Operands,
  roundedProduct,
  roundings,
  uniform,
} from "./rounded-product.js";

t.setTimeout(120_000);

const usual: CheckOptions = { format: "tf32", rounds: 20, seed: "of a test" };

function check(
  operands: Operands,
  c: Float32Array,
  options: Partial<CheckOptions> = {},
): ProductReport {
  const products: Products = { ...operands, pairs: [[0, 0]], c };
  return finish(checkProducts(products, { ...usual, ...options }));
}

function productOf({ m, n, k, a, b }: Operands, c: Float32Array): Product {
  return {
    a: { elements: a, first: 0, rows: m, columns: k },
    b: { elements: b, first: 0, rows: k, columns: n },
    c: { elements: c, first: 0, rows: m, columns: n },
  };
}

function limits(given: Operands, c: Float32Array, { format } = usual) {
  return finish(limitsOf(productOf(given, c), relativeError(format, given.k)));
}

/** What a row may be wrong by in a round: a change beyond twice this is found by its signs. */
function boundsOf(given: Operands, c: Float32Array, options = usual): Float64Array {
  return limits(given, c, options).bounds;
}

/** What each element may be wrong by. */
function elementBounds(given: Operands, { format } = usual): Float64Array {
  const { n, k } = given;
  const [a, b] = [given.a.map(Math.abs), given.b.map(Math.abs)];
  const relative = relativeError(format, k) + (k + 8) * 2 ** -52;
  const sum = (list: Float32Array) => list.reduce((total, one) => total + one, 0);
  return exactProduct({ ...given, a, b }).map((total, at) => {
    const row = Math.floor(at / n);
    const column = b.filter((_, place) => place % n === at % n);
    const ofRow = sum(a.subarray(row * k, row * k + k));
    return relative * total + underflowError({ n: 1, k }, ofRow, sum(column));
  });
}

function random(m: number, n: number, k: number, seed: number): Operands {
  const draw = seededRandom(seed);
  return { m, n, k, a: uniform(m * k, draw), b: uniform(k * n, draw) };
}

/** Small whole numbers, so that products are exact in binary32 and in every format. */
function whole(m: number, n: number, k: number, seed: number): Operands {
  const { a, b } = random(m, n, k, seed);
  return {
    m,
    n,
    k,
    a: a.map((one) => Math.round(one * 3)),
    b: b.map((one) => Math.round(one * 3)),
  };
}

const exact = (operands: Operands) => Float32Array.from(exactProduct(operands));

const device: fc.Arbitrary<Device> = fc.record({
  format: fc.constantFrom("tf32", "bf16"),
  operands: fc.constantFrom(...roundings),
  group: fc.constantFrom(1, 4, 8, 16),
  extraBits: fc.constantFrom(0, 1, 2),
  parts: fc.constantFrom(1, 2, 3),
  flushes: fc.boolean(),
});

/** Of any size that binary32 has, subnormal ones too, but below where norms are left out. */
const element = fc.oneof(
  fc.float({ noNaN: true, min: -2, max: 2 }),
  fc.float({ noNaN: true, min: -(2 ** 57), max: 2 ** 57 }),
  fc.integer({ min: -0x80_0000, max: 0x80_0000 }).map((bits) => Math.fround(bits * 2 ** -149)),
  fc.constantFrom(
    0,
    -0,
    1,
    Math.fround(1 + 2 ** -10 - 2 ** -23),
    Math.fround(1 + 2 ** -7 - 2 ** -23),
  ),
);
const size = fc.integer({ min: 0, max: 6 });
const operands: fc.Arbitrary<Operands> = fc
  .tuple(size, size, fc.integer({ min: 0, max: 40 }))
  .chain(([m, n, k]) => {
    const elements = (count: number) =>
      fc
        .array(element, { minLength: count, maxLength: count })
        .map((list) => Float32Array.from(list));
    return fc.record({
      m: fc.constant(m),
      n: fc.constant(n),
      k: fc.constant(k),
      a: elements(m * k),
      b: elements(k * n),
    });
  });

t.test("what any device may give is taken, whatever it rounds and however it adds", async (t) => {
  const taken = () =>
    fc.assert(
      fc.property(operands, device, fc.string(), (given, how, seed) => {
        const { m, n } = given;
        const { format } = how;
        const c = roundedProduct(given, how);
        const right = exactProduct(given);
        const bounds = elementBounds(given, { ...usual, format });
        const isOff = c.some((one, at) => {
          return Math.abs(one - (right[at] as number)) > (bounds[at] as number);
        });
        if (isOff) return false;
        const report = check(given, c, { format, seed, rounds: 3 });
        return report.within && report.unchecked === 0 && report.elements === m * n;
      }),
      { numRuns: 3_000 },
    );
  t.doesNotThrow(taken);
});

t.test("the bound is not much larger than what devices may really do", async (t) => {
  const plain = { operands: "cut", group: 1, extraBits: 0, parts: 1, flushes: false } as const;
  for (const format of ["tf32", "bf16"] as const) {
    const last = format === "tf32" ? 10 : 7;
    const cut = Math.fround(1 + 2 ** -last - 2 ** -23);
    const few = { m: 3, n: 1, k: 64, a: new Float32Array(192).fill(cut), b: new Float32Array(64) };
    few.b.fill(cut);
    const ofOperands = check(few, roundedProduct(few, { ...plain, format }), { format });
    t.equal(ofOperands.within, true);
    t.ok(ofOperands.worst > 0.95, `operands take ${ofOperands.worst} of it`);
    // Each term after the first is just too small to count.
    const k = 300_000;
    const lost = { m: 1, n: 1, k, a: new Float32Array(k).fill(2 ** -12), b: new Float32Array(k) };
    lost.b.fill(2 ** -11 * (1 - 2 ** -8));
    lost.a[0] = cut;
    lost.b[0] = cut;
    const ofSums = check(lost, roundedProduct(lost, { ...plain, format }), { format });
    t.equal(ofSums.within, true);
    t.ok(ofSums.worst > 0.25, `sums take ${ofSums.worst} of it`);
  }
});

t.test("errors of the size that is allowed pass, however they are put together", async (t) => {
  for (const [n, seed] of [
    [4, 1],
    [300, 2],
    [1000, 3],
  ] as const) {
    const given = random(2, n, 8, seed);
    const magnitudes = { ...given, a: given.a.map(Math.abs), b: given.b.map(Math.abs) };
    const allowed = exactProduct(magnitudes).map((one) => one * relativeError("tf32", 8));
    const right = exactProduct(given);
    for (const sign of [() => 1, (at: number) => (at % 2 === 0 ? 1 : -1)]) {
      const c = Float32Array.from(
        right,
        (one, at) => one + sign(at) * (allowed[at] as number) * 0.999,
      );
      for (let draw = 0; draw < 20; draw += 1) {
        t.equal(check(given, c, { seed: `${draw}` }).within, true);
      }
    }
  }
});

t.test(
  "a row that is wrong by more than twice its bound is found in half of the rounds, and by 20",
  async (t) => {
    const given = whole(5, 40, 30, 7);
    const right = exact(given);
    const bound = boundsOf(given, right)[2] as number;
    const [first, second] = [2 * 40 + 3, 2 * 40 + 31];
    const foundOf = (c: Float32Array, rounds: number, draws: number) => {
      let found = 0;
      for (let draw = 0; draw < draws; draw += 1) {
        if (!check(given, c, { rounds, seed: `${draw}` }).within) found += 1;
      }
      return found / draws;
    };
    const one = right.slice();
    one[first] = (one[first] as number) + 2.1 * bound;
    t.equal(foundOf(one, 1, 200), 1, "one element alone cannot hide");
    t.equal(foundOf(one, 20, 100), 1);
    const draws = 2_000;
    const deviation = Math.sqrt(0.25 / draws);
    const rateOfSigns = (c: Float32Array) => {
      let found = 0;
      for (let draw = 0; draw < draws; draw += 1) {
        const signs = worstOfSigns(productOf(given, c), limits(given, c), [`${draw}`]);
        if (finish(signs) > 1) found += 1;
      }
      return found / draws;
    };
    const two = one.slice();
    two[second] = (two[second] as number) - 2.1 * bound;
    const rate = rateOfSigns(two);
    t.ok(
      Math.abs(rate - 0.5) < 4 * deviation,
      `two that cancel are found in ${rate} of the rounds`,
    );
    t.equal(foundOf(two, 20, 100), 1);
    const many = right.slice();
    const draw = seededRandom(3);
    for (const [at, part] of uniform(40, draw).entries()) many[2 * 40 + at] = part * 2 * bound;
    many[first] = (right[first] as number) + 2.1 * bound;
    t.ok(rateOfSigns(many) > 0.5 - 4 * deviation, "and so are more, of any size");
  },
);

t.test("what is wrong throughout is found by lot, though each row may be as wrong", async (t) => {
  const given = random(30, 40, 20, 8);
  const right = exact(given);
  const own = elementBounds(given);
  const changed = (isWrong: (row: number, column: number) => boolean) =>
    right.map((one, at) => {
      const by = 2.1 * (own[at] as number);
      return isWrong(Math.floor(at / 40), at % 40) ? one + by : one;
    });
  const column = changed((_, at) => at === 17);
  const [row, most] = [changed((at) => at === 11), changed((_, at) => at % 4 === 0)];
  for (const c of [column, row, most]) {
    const rows = boundsOf(given, c);
    const isLarge = c.some((one, at) => {
      return Math.abs(one - (right[at] as number)) > (rows[Math.floor(at / 40)] as number);
    });
    t.equal(isLarge, false, "signs need not find it");
    t.equal(check(given, c).within, false);
    t.equal(check(given, c, { rounds: 1 }).within, false);
  }
  const draws = 2_000;
  let found = 0;
  const few = changed((row, at) => at < 10 && row % 2 === 0);
  const relative = relativeError("tf32", 20);
  for (let draw = 0; draw < draws; draw += 1) {
    const lots = [lotOf(`${draw}/column`, 40)];
    const share = finish(worstOfColumns(productOf(given, few), limits(given, few), relative, lots));
    if (share > 1) found += 1;
  }
  const deviation = Math.sqrt((0.25 * 0.75) / draws);
  t.ok(Math.abs(found / draws - 0.25) < 4 * deviation, `a quarter of columns: ${found / draws}`);
  for (const size of [1, 7, 40]) {
    const counts: number[] = new Array(size).fill(0);
    for (let draw = 0; draw < 500 * size; draw += 1) {
      const lot = lotOf(`${draw}`, size);
      counts[lot] = (counts[lot] as number) + 1;
    }
    t.ok(
      counts.every((count) => Math.abs(count - 500) < 5 * Math.sqrt(500)),
      `${size} alike`,
    );
  }
});

t.test("a wrong element, row, sign or order is found", async (t) => {
  const big = fc.record({
    m: fc.integer({ min: 1, max: 5 }),
    n: fc.integer({ min: 2, max: 8 }),
    k: fc.integer({ min: 1, max: 20 }),
    seed: fc.nat(),
    format: fc.constantFrom("tf32" as const, "bf16" as const),
  });
  let changes = 0;
  fc.assert(
    fc.property(big, fc.nat(), fc.nat(4), ({ m, n, k, seed, format }, place, kind) => {
      const given = whole(m, n, k, seed);
      const right = exact(given);
      const [row, column] = [place % m, Math.floor(place / m) % n];
      const c = right.slice();
      const line = c.subarray(row * n, (row + 1) * n);
      const bound = boundsOf(given, right, { ...usual, format })[row] as number;
      if (kind === 0) line[column] = (line[column] as number) + 2.01 * bound + 1e-30;
      if (kind === 1) line.fill(0);
      if (kind === 2) line[column] = -(line[column] as number);
      if (kind === 3) line.reverse();
      if (kind === 4) c.set(right.subarray(0, n), (m - 1) * n);
      const bounds = boundsOf(given, c, { ...usual, format });
      const isBeyond = c.some((one, at) => {
        return Math.abs(one - (right[at] as number)) > 2 * (bounds[Math.floor(at / n)] as number);
      });
      if (isBeyond) changes += 1;
      // 2^-40 of a miss.
      return !isBeyond || !check(given, c, { format, rounds: 40, seed: `${seed}` }).within;
    }),
    { numRuns: 2_000 },
  );
  t.ok(changes > 700, `${changes} changes were beyond what may be`);
});

t.test(
  "what nobody computed is found, also where sums of many terms are around zero",
  async (t) => {
    for (const [m, n, k] of [
      [4, 8192, 128],
      [8, 16, 16_384],
    ] as const) {
      const given = random(m, n, k, 11);
      const c = exact(given);
      for (const format of ["tf32", "bf16"] as const) {
        t.match(check(given, c, { format }), { within: true, elements: m * n, unchecked: 0 });
        const other = exact(random(m, n, k, 12));
        for (const wrong of [new Float32Array(c.length), c.map((one) => -one), other]) {
          const { within, worst } = check(given, wrong, { format });
          t.equal(within, false, `residual ${worst} of the bound`);
        }
      }
    }
  },
);

const encode = (text: string) => new TextEncoder().encode(text);

t.test("every round counts, by signs and lots that a hash gives", async (t) => {
  const given = random(3, 300, 20, 21);
  const c = exact(given).map((one, at) => one + (at % 7) * 1e-4);
  const errors = exactProduct(given).map((one, at) => (c[at] as number) - one);
  const own = elementBounds(given);
  const lot = (label: string, size: number) =>
    Number(BigInt(`0x${toHex(sha256(encode(label)).subarray(0, 6))}`) % BigInt(size));
  for (const seed of ["a seed", "another", ""]) everyRound(seed);

  function everyRound(seed: string) {
    const sums = [0, 0, 0];
    let ofLines = 0;
    for (let round = 0; round < 8; round += 1) {
      const label = `${seed}/0/${round}`;
      const bits = concatBytes(sha256(encode(`${label}/0`)), sha256(encode(`${label}/1`)));
      for (const [row, before] of sums.entries()) {
        let sum = 0;
        for (const [column, error] of errors.subarray(row * 300, row * 300 + 300).entries()) {
          const isSet = (((bits[column >> 3] as number) >> (column & 7)) & 1) === 1;
          sum += isSet ? error : -error;
        }
        sums[row] = Math.max(before, Math.abs(sum));
      }
      const [row, column] = [lot(`${label}/row`, 3), lot(`${label}/column`, 300)];
      for (const [at, error] of errors.entries()) {
        if (Math.floor(at / 300) !== row && at % 300 !== column) continue;
        ofLines = Math.max(ofLines, Math.abs(error) / (own[at] as number));
      }
      const rounds = round + 1;
      const bounds = boundsOf(given, c);
      const ofSigns = sums.map((sum, row) => sum / (bounds[row] as number));
      const { worst } = check(given, c, { rounds, seed });
      const wanted = Math.max(ofLines, ...ofSigns);
      t.ok(Math.abs(worst - wanted) < 1e-9, `${worst} in ${rounds} rounds`);
      const labels = [0, 1, 2, 3].map((lane) => `${seed}/0/${round - lane}`).reverse();
      const signs = worstOfSigns(productOf(given, c), limits(given, c), labels);
      if (round === 3) t.ok(Math.abs(finish(signs) - Math.max(...ofSigns)) < 1e-9, "of signs");
    }
  }
});

t.test("numbers that are not finite", async (t) => {
  const given = whole(4, 5, 6, 3);
  const right = exact(given);
  for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const c = right.slice();
    c[7] = odd;
    t.match(check(given, c), { within: false, worst: Number.POSITIVE_INFINITY }, `${odd} in C`);
    for (const large of [odd, 2 ** 100]) {
      const left = { ...given, a: given.a.slice(), b: given.b.slice() };
      left.a[6] = large;
      left.b[3] = large;
      const ofLarge = exact(left);
      t.match(check(left, ofLarge), { within: true, unchecked: 20 - 3 * 4 }, "a row and a column");
      ofLarge[2 * 5 + 1] = (ofLarge[2 * 5 + 1] as number) + 10;
      t.equal(check(left, ofLarge).within, false, "the rest is checked all the same");
    }
  }
  const none = { ...given, a: given.a.map(() => Number.NaN) };
  t.match(check(none, exact(none)), { within: true, worst: 0, elements: 20, unchecked: 20 });
});

t.test("products of nothing, of nothing but zeros, and of too much", async (t) => {
  for (const [m, n, k] of [
    [0, 3, 2],
    [3, 0, 2],
    [0, 0, 0],
  ] as const) {
    const report = check(random(m, n, k, 1), new Float32Array(0));
    t.match(report, { within: true, worst: 0, elements: 0, unchecked: 0 });
  }
  const empty = random(2, 3, 0, 1);
  t.match(check(empty, new Float32Array(6)), { within: true, worst: 0 });
  t.equal(check(empty, new Float32Array(6).fill(1e-40)).within, false, "a sum of nothing is 0");
  const zeros = { ...random(2, 3, 4, 1), a: new Float32Array(8) };
  t.equal(check(zeros, new Float32Array(6)).within, true);
  t.equal(check(zeros, new Float32Array(6).fill(1e-30)).within, false);
  t.throws(() => check(empty, new Float32Array(7)), { code: "SHAPE_MISMATCH" });
  t.ok(relativeError("tf32", termsMax) < 0.34);
  t.throws(() => relativeError("tf32", termsMax + 1), { code: "LIMIT_EXCEEDED" });
});

t.test("each matrix of a batch has signs of its own, by a seed that repeats them", async (t) => {
  const [m, n, k] = [3, 4, 5];
  const both = random(2 * m, n, k, 5);
  const other = random(m, n, k, 6);
  const b = Float32Array.of(...both.b, ...other.b);
  const pairs = [
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const;
  const c = new Float32Array(pairs.length * m * n);
  for (const [at, [aAt, bAt]] of pairs.entries()) {
    const a = both.a.subarray(aAt * m * k, (aAt + 1) * m * k);
    c.set(exact({ m, n, k, a, b: b.subarray(bAt * k * n, (bAt + 1) * k * n) }), at * m * n);
  }
  const products = { m, n, k, pairs, a: both.a, b, c };
  const report = finish(checkProducts(products, usual));
  t.match(report, { within: true, elements: 36 });
  t.same(finish(checkProducts(products, usual)), report);
  const swapped = { ...products, pairs: [pairs[1], pairs[0], pairs[2]] };
  t.equal(finish(checkProducts(swapped, usual)).within, false);
});

t.test("others get a turn meanwhile", async (t) => {
  const given = random(700, 1500, 1500, 9);
  const steps = checkProducts(
    { ...given, pairs: [[0, 0]], c: new Float32Array(700 * 1500) },
    usual,
  );
  let [turns, longestMs] = [0, 0];
  for (;;) {
    const before = performance.now();
    const { done } = steps.next();
    longestMs = Math.max(longestMs, performance.now() - before);
    if (done) break;
    turns += 1;
  }
  t.ok(turns > 20, `${turns} turns, the longest ${longestMs.toFixed(1)} ms`);
});
