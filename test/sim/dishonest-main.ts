/** `npm run sim:dishonest [-- --trials N]`: the share of cheats that were found, beside the formula. */
import { parseArgs } from "node:util";
import { detectionChance } from "../../src/proof/audit/sampling.js";
import { type Cheating, DishonestFleet } from "../dishonest.js";

const { values } = parseArgs({ options: { trials: { type: "string", default: "5000" } } });
const trials = Number(values.trials);
if (!Number.isSafeInteger(trials) || trials < 1) throw new Error(`--trials ${values.trials}`);
/** Of the formula. */
const toleranceMax = 0.05;

const kinds: readonly Cheating[] = [
  { rate: 0.2, cheats: 1, runs: 3 },
  { rate: 0.2, cheats: 0.25, runs: 14 },
  { rate: 0.5, cheats: 0.1, runs: 14 },
];

let isRight = true;
for (const cheating of kinds) {
  const fleet = await DishonestFleet.open(cheating.rate);
  let found = 0;
  for (let trial = 0; trial < trials; trial += 1) if (await fleet.isFound(cheating)) found += 1;
  await fleet.close();
  const { rate, cheats, runs } = cheating;
  const expected = detectionChance(rate, cheats, runs);
  const off = found / trials / expected - 1;
  isRight &&= Math.abs(off) <= toleranceMax;
  const share = `${((100 * found) / trials).toFixed(2)} % of ${trials} found`;
  const formula = `formula ${(100 * expected).toFixed(2)} %, off by ${(100 * off).toFixed(2)} %`;
  console.log(`rate ${rate}, falsifies ${cheats}, within ${runs} runs: ${share}; ${formula}`);
}
process.exitCode = isRight ? 0 : 1;
