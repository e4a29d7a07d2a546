/** What holds for every file: sizes, dead files, drawers, promises left for later. */
import { lineCount } from "./source.mjs";
import { resolve } from "./tree.mjs";

const drawers = /\/(utils?|helpers?|common|misc|shared)\.(ts|mjs|cc|h)$/;
const later = new RegExp(
  `\\b(${["TO", "FIX"].map((start) => `${start}DO|${start}ME`).join("|")})\\b`,
);

export function checkFiles(tree, table) {
  return [
    ...checkTop(tree, table),
    ...checkSizes(tree, table.sizes),
    ...checkNames(tree),
    ...checkDead(tree),
  ];
}

function* checkTop(tree, table) {
  for (const name of tree.folders) {
    if (table.top.includes(name)) continue;
    yield { path: name, line: 1, text: "this top-level folder is not in scripts/floors.json" };
  }
}

function* checkSizes(tree, sizes) {
  for (const [path, source] of tree.scripts) {
    if (path.startsWith("src/gen/")) continue;
    // Each test file costs half a second to start, so tests are few and long.
    const isTest = path.endsWith(".test.ts");
    const max = isTest ? sizes.testLinesMax : sizes.typescriptLinesMax;
    const functionMax = isTest ? sizes.testFunctionLinesMax : sizes.functionLinesMax;
    if (source.lines > max)
      yield { path, line: max, text: `${source.lines} lines; at most ${max}` };
    for (const { name, line, lines } of source.functions) {
      if (lines <= functionMax) continue;
      yield { path, line, text: `${name} has ${lines} lines; at most ${functionMax}` };
    }
  }
  for (const [path, text] of tree.native) {
    const lines = lineCount(text);
    const max = sizes.nativeLinesMax;
    if (lines > max) yield { path, line: max, text: `${lines} lines; at most ${max}` };
  }
}

function* checkNames(tree) {
  const texts = [...tree.scripts].map(([path, source]) => [path, source.text]);
  for (const [path, text] of [...texts, ...tree.native]) {
    if (drawers.test(path)) yield { path, line: 1, text: "a drawer: name what is in it" };
    for (const [at, line] of text.split("\n").entries()) {
      if (later.test(line)) yield { path, line: at + 1, text: "left for later: do it or drop it" };
    }
  }
}

/** A source is alive when an entry point reaches it; tests alone keep nothing of src alive. */
function* checkDead(tree) {
  const reached = new Set();
  const reach = (path) => {
    if (reached.has(path)) return;
    reached.add(path);
    const { imports, paths } = tree.scripts.get(path);
    for (const specifier of [...imports.map((entry) => entry.specifier), ...paths]) {
      const target = specifier.startsWith(".") ? resolve(tree, path, specifier) : undefined;
      if (target !== undefined) reach(target);
    }
  };
  const all = [...tree.scripts.keys()];
  all.filter((path) => path.startsWith("src/main/") || tree.started.has(path)).forEach(reach);
  for (const path of all) {
    if (path.startsWith("src/") && !path.startsWith("src/gen/") && !reached.has(path)) {
      yield { path, line: 1, text: "dead: no entry point reaches this file" };
    }
  }
  all.filter((path) => path.endsWith(".test.ts")).forEach(reach);
  for (const path of all) {
    if (/^(test|bench)\//.test(path) && !reached.has(path)) {
      yield { path, line: 1, text: "dead: no test and no command reaches this file" };
    }
  }
}
