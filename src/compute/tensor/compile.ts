/** The compiler: an ONNX file and what is known of its inputs become one flat program. */

import type { Value } from "./canonical/value.js";
import type { DType } from "./dtype.js";
import type { Given } from "./lower/bind.js";
import { type Lowered, lower } from "./lower/lower.js";
import { rules } from "./lower/rules.js";
import type { ReadExternal } from "./onnx/constant.js";
import type { Graph } from "./onnx/graph.js";
import { importOnnx } from "./onnx/import.js";
import { encodeProgram } from "./program/encode.js";
import { fuseSections } from "./program/fuse.js";
import { type Measure, measure } from "./program/measure.js";
import { planArena, planLasting } from "./program/plan.js";
import { sectionsOf, withoutDead } from "./program/sections.js";

/** Name of the frozen arithmetic that programs ask for (docs/arithmetic.md). */
export const arithmetic = "canonical-1";

export interface TensorPort {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Of indices: how many elements they choose among. */
  readonly choices?: number;
}

export interface CompiledModel {
  readonly program: Uint8Array;
  /** Without inputs whose value was given. */
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly arenaBytes: number;
  /** Of what is computed once. */
  readonly preparedBytes: number;
  readonly measure: Measure;
}

/** Passes that never change a bit, each of which can be left out to prove it. */
export interface Passes {
  readonly fuse?: boolean;
  readonly prelude?: boolean;
  readonly dead?: boolean;
  /** Elementwise operators on each part of a product as soon as that is done. */
  readonly epilogues?: boolean;
  /** Results over operands that nobody reads any more. */
  readonly inPlace?: boolean;
}

export interface CompileOptions {
  readonly readExternal?: ReadExternal;
  readonly passes?: Passes;
}

export function compileModel(
  model: Uint8Array,
  given: Given,
  { readExternal, passes }: CompileOptions = {},
): CompiledModel {
  return compileGraph(importModel(model, readExternal), given, passes);
}

/** All that is read of a model, for as many compilations as it takes. */
export function importModel(model: Uint8Array, readExternal?: ReadExternal): Graph {
  return importOnnx(model, (name) => rules.has(name), readExternal);
}

export function compileGraph(graph: Graph, given: Given, passes: Passes = {}): CompiledModel {
  return compileLowered(lower(graph, given), passes);
}

export function compileLowered(lowered: Lowered, passes: Passes = {}): CompiledModel {
  const { buffers, inputs, outputs } = lowered;
  const wanted = new Set([...outputs.values()].map((value) => value.buffer));
  const operators = passes.dead === false ? lowered.operators : withoutDead(lowered);
  let sections =
    passes.prelude === false ? { prelude: [], body: operators } : sectionsOf(operators, buffers);
  if (passes.fuse !== false) sections = fuseSections(sections, buffers, wanted);
  const arena = planArena(sections.body, buffers, wanted, passes.inPlace !== false);
  const prepared = planLasting(
    sections.prelude.flatMap((operator) => operator.writes),
    buffers,
  );
  const program = encodeProgram({
    ...sections,
    prepared,
    oneByOne: passes.epilogues === false,
    inputs: [...inputs.values()].map((value) => value.buffer),
    outputs: [...outputs.values()].map((value) => value.buffer),
    buffers,
    arena,
  });
  const ports = (values: ReadonlyMap<string, Value>) =>
    [...values].map(([name, value]) => port(name, value));
  return {
    program,
    inputs: ports(inputs),
    outputs: ports(outputs),
    arenaBytes: arena.bytes,
    preparedBytes: prepared.bytes,
    measure: measure(sections, buffers),
  };
}

function port(name: string, { dtype, shape, choices }: Value): TensorPort {
  return { name, dtype, shape, ...(choices === undefined ? {} : { choices }) };
}
