/**
 * Mutates models without end and gives them to the compiler: bytes changed, cut, repeated, and pieces
 * of one model put into another, so that fields stay whole more often than chance would leave them.
 * `node dist/test/fuzz/main.js SECONDS [SEED]`; the folders that seeds come from follow. A finding is
 * written to build/fuzz with its seed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Dice } from "../onnx/random/dice.js";
import { fuzz } from "./importer.js";

const seedBytesMax = 40_000;

function readSeeds(folders: readonly string[]): Buffer[] {
  const seeds: Buffer[] = [];
  for (const folder of folders.filter(existsSync)) {
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      const path = join(folder, name);
      if (!name.endsWith(".onnx") || statSync(path).size > seedBytesMax) continue;
      const seed = readFileSync(path);
      if (seed.length > 0) seeds.push(seed);
    }
  }
  return seeds;
}

const interesting = [0, 1, 2, 8, 10, 18, 0x7f, 0x80, 0xff];

function changed(seeds: readonly Buffer[], dice: Dice): Buffer {
  let bytes = Buffer.from(dice.pick(seeds));
  for (let changes = dice.integer(1, 4); changes > 0; changes -= 1) {
    const at = dice.integer(0, bytes.length - 1);
    const length = dice.integer(1, 24);
    const other = dice.pick(seeds);
    const from = dice.integer(0, other.length - 1);
    switch (dice.integer(0, 5)) {
      case 0:
        bytes[at] = dice.integer(0, 255);
        break;
      case 1:
        bytes[at] = dice.pick(interesting);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 4:
        other.copy(bytes, at, from, from + length);
        break;
      default: {
        const piece = other.subarray(from, from + length);
        bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
      }
    }
    if (bytes.length === 0) bytes = Buffer.from([0]);
  }
  return bytes;
}

function main([seconds = "60", seed = `${Date.now() % 2 ** 31}`, ...folders]: string[]): void {
  const seeds = readSeeds(folders);
  const dice = new Dice(Number(seed));
  const end = Date.now() + Number(seconds) * 1000;
  let count = 0;
  let slowest = 0;
  while (Date.now() < end) {
    const model = changed(seeds, dice);
    const start = performance.now();
    try {
      fuzz(model);
    } catch (error) {
      mkdirSync("build/fuzz", { recursive: true });
      const path = join("build/fuzz", `importer-${seed}-${count}.onnx`);
      writeFileSync(path, model);
      console.log(`${path}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
      process.exitCode = 1;
      return;
    }
    slowest = Math.max(slowest, performance.now() - start);
    count += 1;
  }
  console.log(
    `${count} models from ${seeds.length} seeds, seed ${seed}, slowest ${Math.round(slowest)} ms`,
  );
}

main(process.argv.slice(2));
