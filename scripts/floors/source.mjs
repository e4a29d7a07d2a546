/** Reads one TypeScript or JavaScript file: what it imports, how long its functions are, what it touches. */
import ts from "typescript";

const timersAndNet = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "fetch",
  "WebSocket",
  "Worker",
]);
const objects = new Map([
  ["Date", new Set(["now"])],
  ["Math", new Set(["random"])],
  ["crypto", new Set(["randomUUID", "getRandomValues", "subtle"])],
  ["performance", undefined],
  ["process", undefined],
  ["console", undefined],
  ["globalThis", undefined],
]);

/**
 * `imports`: { specifier, names, line } of static and dynamic imports and re-exports;
 * `paths`: relative `….js` strings that are not imports (a file started as a process or thread);
 * `functions`: { name, line, lines }; `effects`: { text, line } of time, chance and outside world.
 */
export function readSource(path, text) {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const facts = { imports: [], paths: [], functions: [], effects: [], lines: lineCount(text) };
  const bound = new Set();
  const lineOf = (node) => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
  const visit = (node) => {
    readImport(node, facts, lineOf);
    readFunction(node, facts, lineOf, file);
    const effect = effectOf(node);
    if (effect !== undefined) facts.effects.push({ ...effect, line: lineOf(node) });
    if ((ts.isParameter(node) || ts.isVariableDeclaration(node)) && ts.isIdentifier(node.name)) {
      bound.add(node.name.text);
    }
    if (ts.isImportSpecifier(node) || ts.isFunctionDeclaration(node)) bound.add(node.name?.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  // A parameter called `process` or a port with its own `setTimeout` is not the global one.
  facts.effects = facts.effects.filter(({ name }) => !bound.has(name));
  return facts;
}

export const lineCount = (text) => text.split("\n").length - (text.endsWith("\n") ? 1 : 0);

function readImport(node, facts, lineOf) {
  const from = ts.isImportDeclaration(node) || ts.isExportDeclaration(node);
  if (from && node.moduleSpecifier !== undefined) {
    facts.imports.push({ specifier: node.moduleSpecifier.text, line: lineOf(node) });
  } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    facts.imports.push({ specifier: node.argument.literal.text, line: lineOf(node) });
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [specifier] = node.arguments;
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      facts.imports.push({ specifier: specifier.text, line: lineOf(node) });
    }
  } else if (ts.isStringLiteralLike(node) && /^\.{1,2}\/.*\.js$/.test(node.text)) {
    facts.paths.push(node.text);
  }
}

function readFunction(node, facts, lineOf, file) {
  if (!ts.isFunctionLike(node) || node.body === undefined) return;
  const line = lineOf(node);
  const lines = file.getLineAndCharacterOfPosition(node.end).line + 2 - line;
  const name = node.name?.getText(file) ?? node.parent?.name?.getText?.(file) ?? "(no name)";
  facts.functions.push({ name, line, lines });
}

/** Time, chance and the outside world, which a pure room takes as arguments instead. */
function effectOf(node) {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const name = node.expression.text;
    const members = objects.get(name);
    if (!objects.has(name) || (members !== undefined && !members.has(node.name.text))) return;
    return { name, text: `${name}.${node.name.text}` };
  }
  const isCall = ts.isCallExpression(node) || ts.isNewExpression(node);
  if (!isCall || !ts.isIdentifier(node.expression)) return;
  const name = node.expression.text;
  if (timersAndNet.has(name)) return { name, text: name };
  if (name === "Date" && (node.arguments ?? []).length === 0) return { name, text: "new Date()" };
}
