/** DepthToSpace and SpaceToDepth: blocks of space and channels change places. */
import { transpose } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";

function blockOf(operation: Operation): readonly [Value, readonly number[], number] {
  const value = operation.input(0);
  if (value.shape.length !== 4) throw operation.mismatch("four axes are expected");
  const block = operation.integer("blocksize", 0);
  if (block < 1) throw operation.wrong(`has blocks of ${block}`);
  return [value, value.shape, block];
}

function depthToSpace(operation: Operation): Value {
  const { builder } = operation;
  const [value, [batch = 0, channels = 0, height = 0, width = 0], block] = blockOf(operation);
  const depth = channels / (block * block);
  if (!Number.isInteger(depth)) throw operation.mismatch(`channels are no blocks of ${block}²`);
  const mode = operation.text("mode", "DCR");
  if (mode !== "DCR" && mode !== "CRD") throw operation.wrong(`has mode = ${mode}`);
  const parts = mode === "DCR" ? [block, block, depth] : [depth, block, block];
  const order = mode === "DCR" ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
  const blocks = builder.reshape(value, [batch, ...parts, height, width]);
  const space = transpose(builder, blocks, order);
  return builder.reshape(space, [batch, depth, height * block, width * block]);
}

function spaceToDepth(operation: Operation): Value {
  const { builder } = operation;
  const [value, [batch = 0, channels = 0, height = 0, width = 0], block] = blockOf(operation);
  const [rows, columns] = [height / block, width / block];
  if (!Number.isInteger(rows) || !Number.isInteger(columns)) {
    throw operation.mismatch(`space is no blocks of ${block}`);
  }
  const blocks = builder.reshape(value, [batch, channels, rows, block, columns, block]);
  const depth = transpose(builder, blocks, [0, 3, 5, 1, 2, 4]);
  return builder.reshape(depth, [batch, channels * block * block, rows, columns]);
}

export const rules: Rules = {
  DepthToSpace: (operation) => [depthToSpace(operation)],
  SpaceToDepth: (operation) => [spaceToDepth(operation)],
};
