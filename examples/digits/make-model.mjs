/**
 * Writes knn.onnx: nearest neighbours by four operators. It holds no data row: queries and
 * references are inputs, so the model may travel where the data may not.
 *
 *   |q - r|² = |q|² - 2·(q·r - |r|²/2): for one query the nearest reference has the greatest
 *   score = q·r - ½·Σ r², and TopK takes the k greatest, the lower index first among equals.
 *
 * Usage: node examples/digits/make-model.mjs [FILE]
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const neighbours = 3;
const pixels = 64;

/* The protobuf wire format, as far as this model needs it. */
const varint = (value) => {
  const bytes = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
};
const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field, value) =>
  Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
const text = (field, value) => bytes(field, Buffer.from(value));
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));

/* Messages of onnx.proto, by their field numbers. */
const float32 = 1;
const int64 = 7;
const attribute = (name, value) =>
  message(5, text(1, name), integer(3, BigInt.asUintN(64, BigInt(value))), integer(20, 2));
const node = (operator, name, inputs, outputs, ...attributes) =>
  message(
    1,
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(3, name),
    text(4, operator),
    ...attributes,
  );
const tensor = (name, type, dims, raw) =>
  message(5, ...dims.map((dim) => integer(1, dim)), integer(2, type), text(8, name), bytes(9, raw));
const axis = (dim) => message(1, typeof dim === "string" ? text(2, dim) : integer(1, dim));
const value = (field, name, type, dims) =>
  message(
    field,
    text(1, name),
    message(
      2,
      message(
        1,
        integer(1, type),
        message(2, ...dims.map(axis)),
      ),
    ),
  );

const minusHalf = Buffer.alloc(pixels * 4);
for (let i = 0; i < pixels; i += 1) minusHalf.writeFloatLE(-0.5, i * 4);
const k = Buffer.alloc(8);
k.writeBigInt64LE(BigInt(neighbours));

const graph = message(
  7,
  node("Mul", "squares", ["references", "references"], ["squared"]),
  node("MatMul", "half-norms", ["minus_half", "squared"], ["bias"]),
  node("MatMul", "products", ["queries", "references"], ["product"]),
  node("Add", "scores", ["product", "bias"], ["score"]),
  node(
    "TopK",
    "nearest",
    ["score", "k"],
    ["scores", "indices"],
    attribute("axis", -1),
    attribute("largest", 1),
  ),
  text(2, "knn"),
  tensor("minus_half", float32, [1, pixels], minusHalf),
  tensor("k", int64, [1], k),
  value(11, "queries", float32, ["q", pixels]),
  value(11, "references", float32, [pixels, "r"]),
  value(12, "scores", float32, ["q", neighbours]),
  value(12, "indices", int64, ["q", neighbours]),
);
const model = Buffer.concat([
  integer(1, 8), // IR version
  text(2, "quipu-example"),
  message(8, text(1, ""), integer(2, 17)), // operator set 17
  graph,
]);

const file = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "knn.onnx");
writeFileSync(file, model);
console.log(`${file}: ${model.length} bytes`);
