/** `quipu model inspect FILE`: what a model says of itself, and what it becomes for known shapes. */
import { QuipuError } from "../../base/errors.js";
import { compileForValues, runBytes } from "../../compute/engine/compile-files.js";
import type { CompiledModel } from "../../compute/tensor/compile.js";
import type { ModelFacts, OperatorCount } from "../../compute/tensor/describe.js";
import type { VerbAction } from "../context.js";
import { bytesText, printable, renderTable } from "../table.js";
import { valueText } from "./inputs.js";
import { type OpenModel, openModel } from "./open.js";

export const action: VerbAction = async (context, invocation) => {
  const model = await openModel(context, invocation);
  const { problems } = model.facts;
  const isOpen = model.inputs.some(({ shape }) => shape === undefined);
  context.output.progress("compiling");
  const { compiled, fault } = isOpen || problems.length > 0 ? undone : compile(model);
  const faults = fault === null ? problems : [fault];
  const view = compiled && compiledView(compiled);
  const facts = { ...factsView(model), problems: faults.map((one) => one.toJSON()) };
  context.output.result({ ...facts, compiled: view }, () =>
    [...factsLines(model), "", ...(view ? compiledLines(view) : faultLines(faults))].join("\n"),
  );
  return faults[0]?.exitCode ?? 0;
};

interface Attempt {
  readonly compiled: CompiledModel | null;
  /** What only the compiler finds, for these inputs. */
  readonly fault: QuipuError | null;
}

const undone: Attempt = { compiled: null, fault: null };

/** Values of inputs are taken only where shapes depend on them. */
function compile({ bytes, folder, inputs }: OpenModel): Attempt {
  const given = inputs.map(
    ({ facts, shape = [], tensor }) => [facts.name, tensor ?? shape] as const,
  );
  try {
    const compiled = compileForValues(bytes, Object.fromEntries(given), { folder });
    return { compiled, fault: null };
  } catch (thrown) {
    const fault = QuipuError.from(thrown);
    const { bind } = fault.details;
    if (!Array.isArray(bind) || bind.length === 0) return { compiled: null, fault };
    const values = bind.map((name) => `--input ${name}=FILE`).join(" ");
    const parts = { next: `give values that shapes depend on: ${values}`, details: fault.details };
    return { compiled: null, fault: new QuipuError(fault.code, fault.message, parts) };
  }
}

function factsView({ path, bytes, facts }: OpenModel) {
  const { operatorSets, inputs, outputs, operators, parameters } = facts;
  return {
    model: path,
    sizeBytes: bytes.length,
    operatorSets: Object.fromEntries(operatorSets),
    inputs: inputs.map(({ name, type, axes }) => ({ name, type, axes: axes ?? null })),
    outputs: outputs.map(({ name, type, axes }) => ({ name, type, axes: axes ?? null })),
    operators,
    parameters,
  };
}

function factsLines({ path, bytes, facts }: OpenModel): string[] {
  const { operatorSets, inputs, outputs, operators, parameters } = facts;
  const sets = [...operatorSets].map(([domain, version]) => `${domain || "ai.onnx"} ${version}`);
  const { tensors, elements, bytes: parameterBytes, files } = parameters;
  const beside = files.length === 0 ? "" : `, some in ${files.join(", ")}`;
  const nodes = operators.reduce((sum, { count }) => sum + count, 0);
  const values = (title: string, of: ModelFacts["inputs"]) => [
    "",
    title,
    ...of.map((value) => `  ${value.name}  ${valueText(value)}`),
  ];
  const lines = [
    `model          ${path}, ${bytesText(bytes.length)}`,
    `operator sets  ${sets.join(", ")}`,
    `parameters     ${elements} in ${countText(tensors, "tensor")}, ${bytesText(parameterBytes)}${beside}`,
    ...values("inputs", inputs),
    ...values("outputs", outputs),
    "",
    `operators (${countText(nodes, "node")})`,
  ];
  return [...lines.map(printable), indented(operatorTable(operators))];
}

function operatorTable(operators: readonly OperatorCount[]): string {
  return renderTable(operators, [
    { title: "OPERATOR", cell: ({ operator }) => printable(operator) },
    { title: "NODES", cell: ({ count }) => String(count), right: true },
    { title: "", cell: ({ compiles }) => (compiles ? "" : "cannot be compiled") },
  ]);
}

function faultLines(faults: readonly QuipuError[]): string[] {
  if (faults.length === 0) return ["compiled: say the shapes that are open with --shape"];
  const lines = faults.flatMap(({ message, next }) =>
    next === undefined ? [message] : [message, `next: ${next}`],
  );
  return ["cannot be compiled", ...lines.map((line) => `  ${printable(line)}`)];
}

function compiledView(compiled: CompiledModel) {
  const { measure, inputs, outputs, arenaBytes, preparedBytes, program } = compiled;
  return {
    inputs,
    outputs,
    operators: Object.fromEntries(measure.operators),
    preparing: measure.preparing,
    constants: measure.constants,
    multiplyAdds: measure.multiplyAdds,
    arenaBytes,
    preparedBytes,
    programBytes: program.length,
    runBytes: runBytes(compiled),
  };
}

function compiledLines(view: ReturnType<typeof compiledView>): string[] {
  const operators = Object.entries(view.operators);
  const count = operators.reduce((sum, [, of]) => sum + of, 0);
  const ports = [...view.inputs, ...view.outputs].map(
    ({ name, dtype, shape }) => `  ${printable(name)}  ${dtype} [${shape.join(", ")}]`,
  );
  return [
    `compiled, for`,
    ...ports,
    `  operators      ${count}: ${operators.map(([name, of]) => `${of} ${name}`).join(", ")}`,
    `  multiply-adds  ${view.multiplyAdds}`,
    `  constants      ${view.constants.count}, ${bytesText(view.constants.bytes)}`,
    `  computed once  by ${countText(view.preparing, "operator")}, ${bytesText(view.preparedBytes)}`,
    `  arena          ${bytesText(view.arenaBytes)}`,
    `  a run takes    ${bytesText(view.runBytes)} with inputs and outputs`,
  ];
}

function countText(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function indented(text: string): string {
  return text.replace(/^/gm, "  ");
}
