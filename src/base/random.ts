/** Randomness as an argument, and a seeded generator for simulation and property tests. */
export interface Random {
  /** `count` unpredictable bytes (in simulation: reproducible from the seed). */
  bytes(count: number): Uint8Array;
}

/** Uniform integer in [0, bound), bound from 1 to 2^32; rejection sampling, so no bias. */
export function randomInteger(random: Random, bound: number): number {
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
  for (;;) {
    const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
    const word = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    if (word < limit) return word % bound;
  }
}

/** xoshiro128** (Blackman and Vigna 2018), seeded through splitmix32. Not for keys. */
export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [a, b, c, d] = [splitmix(), splitmix(), splitmix(), splitmix()];
  const rotate = (x: number, k: number): number => ((x << k) | (x >>> (32 - k))) >>> 0;
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5) >>> 0, 7), 9) >>> 0;
    const t = (b << 9) >>> 0;
    c = (c ^ a) >>> 0;
    d = (d ^ b) >>> 0;
    b = (b ^ c) >>> 0;
    a = (a ^ d) >>> 0;
    c = (c ^ t) >>> 0;
    d = rotate(d, 11);
    return result;
  };
  return {
    bytes(count) {
      const out = new Uint8Array(count);
      for (let at = 0; at < count; at += 4) {
        const word = next();
        for (let i = 0; i < 4; i += 1) out[at + i] = word >>> (24 - 8 * i); // none beyond the end
      }
      return out;
    },
  };
}
