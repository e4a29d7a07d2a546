/** The rules of the house hold for this checkout, and the program that says so catches a breach. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import t from "tap";

const root = process.cwd();
const { checkHouse } = (await import(pathToFileURL(join(root, "scripts/floors.mjs")).href)) as {
  checkHouse: (root: string) => string[];
};

const rooms = [
  { room: "src/base", floor: 0, pure: true },
  { room: "src/rules", floor: 2, pure: true, may: ["src/base"] },
  { room: "src/store", floor: 3, may: ["src/base"] },
  { room: "src/main", floor: 6, below: true, not: ["src/rules"] },
];
const table = {
  top: ["native", "scripts", "src", "test"],
  rooms,
  packages: { libsql: ["src/store"] },
  builtins: { "node:net": ["src/store"] },
  builtinsOfAnyUnsealedRoom: ["node:fs"],
  native: [
    { room: "native/kernels", may: [] },
    { room: "native/addon", node: true, may: ["native/kernels"] },
  ],
  sizes: {
    typescriptLinesMax: 20,
    functionLinesMax: 5,
    testLinesMax: 25,
    testFunctionLinesMax: 10,
    nativeLinesMax: 10,
  },
};

const base = "src/base/bytes.ts";
const rule = "src/rules/rule.ts";
const store = "src/store/store.ts";
const main = "src/main/quipu.ts";
const ruleText = 'import { empty } from "../base/bytes.js";\nexport const rule = empty;\n';
const storeText =
  'import "node:fs";\nimport "node:net";\nimport "libsql";\nimport "../base/bytes.js";\n';
const house: Readonly<Record<string, string>> = {
  "scripts/floors.json": JSON.stringify(table),
  "package.json": '{"bin": "dist/src/rules/rule.js"}',
  [base]: "export const empty = new Uint8Array();\n",
  [rule]: ruleText,
  [store]: storeText,
  [main]: 'import "../store/store.js";\n',
  "native/kernels/sum.h": "extern int sum;\n",
  "native/kernels/sum_portable.cc": "int sum;\n",
  "native/kernels/sum_avx2.cc": "int sum_avx2;\n",
  "native/addon/addon.cc": '#include <napi.h>\n#include "kernels/sum.h"\n',
};

type Changes = Readonly<Record<string, string | undefined>>;

/** What the checker finds in the sound house above with some files changed, added or removed. */
function findingsIn(changes: Changes): string[] {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  try {
    for (const [path, text] of Object.entries({ ...house, ...changes })) {
      if (text === undefined) continue;
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return checkHouse(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const withTable = (change: object): Changes => ({
  "scripts/floors.json": JSON.stringify({ ...table, ...change }),
});
const longFunction = `export function long(): void {\n${"  empty;\n".repeat(5)}}\n`;

/** Each breach changes the sound house and must give exactly these findings. */
const breaches: [what: string, changes: Changes, findings: string[]][] = [
  ["a sound house", {}, []],
  [
    "a floor crossed upwards",
    { [rule]: `${ruleText}import type {} from "../store/store.js";\n` },
    [`${rule}:3: src/rules (floor 2) reaches up into src/store (floor 3)`],
  ],
  [
    "a room below that the table does not grant",
    { [store]: `${storeText}export const late = () => import("../rules/rule.js");\n` },
    [`${store}:5: src/store may not import src/rules`],
  ],
  [
    "a room that is expressly refused",
    { [main]: 'import "../store/store.js";\nexport * from "../rules/rule.js";\n' },
    [`${main}:2: src/main may not import src/rules`],
  ],
  [
    "a package of another room",
    { [rule]: `${ruleText}import "libsql";\n` },
    [`${rule}:3: the package libsql belongs to src/store, not to src/rules`],
  ],
  [
    "a package that nobody may use",
    { [store]: `${storeText}import "@scope/name/deep";\n` },
    [`${store}:5: the package @scope/name is granted to no room`],
  ],
  [
    "builtins of Node",
    {
      [rule]: `${ruleText}import "node:fs";\nimport "node:net";\n`,
      [store]: `${storeText}import "node:dgram";\n`,
    },
    [
      `${rule}:3: src/rules is pure: it may not import node:fs`,
      `${rule}:4: node:net belongs to src/store, not to src/rules`,
      `${store}:5: node:dgram is granted to no room`,
    ],
  ],
  [
    "time, chance and the outside world in a pure room",
    {
      [rule]: `${ruleText}Date.now();\nMath.random();\nprocess.env.HOME;\nsetTimeout(rule, 1);\nnew Date();\n`,
      [base]:
        "export const empty = (process: { env: object }) => [process.env, new Date(0), Math.abs(1)];\n",
    },
    ["Date.now", "Math.random", "process.env", "setTimeout", "new Date()"].map(
      (what, at) => `${rule}:${at + 3}: src/rules is pure: take ${what} as an argument`,
    ),
  ],
  [
    "a folder that is no room",
    {
      "src/attic/box.ts": "export {};\n",
      "package.json": '["dist/src/attic/box.js", "dist/src/rules/rule.js"]',
    },
    ["src/attic/box.ts:1: this folder is no room of scripts/floors.json"],
  ],
  [
    "a top-level folder that nobody named",
    { "attic/box.txt": "" },
    ["attic:1: this top-level folder is not in scripts/floors.json"],
  ],
  [
    "permissions that nobody uses",
    { [rule]: "export {};\n", [store]: 'import "node:fs";\nimport "../base/bytes.js";\n' },
    [
      "scripts/floors.json:1: stale: src/rules no longer imports src/base",
      "scripts/floors.json:1: stale: src/store no longer imports libsql",
      "scripts/floors.json:1: stale: src/store no longer imports node:net",
    ],
  ],
  [
    "a table that itself crosses floors",
    withTable({ rooms: [{ ...rooms[0], may: ["src/store"] }, ...rooms.slice(1)] }),
    [
      "scripts/floors.json:1: src/base names src/store, which is not listed above it",
      "scripts/floors.json:1: stale: src/base no longer imports src/store",
    ],
  ],
  [
    "a dead file, also when only a test or another dead file uses it",
    {
      "src/store/old.ts": "export {};\n",
      "src/store/older.ts": 'import "./old.js";\n',
      "test/old.test.ts": 'import "../src/store/old.js";\nimport "./fleet.js";\n',
      "test/fleet.ts": "export {};\n",
      "test/lonely.ts": "export {};\n",
    },
    [
      "src/store/old.ts:1: dead: no entry point reaches this file",
      "src/store/older.ts:1: dead: no entry point reaches this file",
      "test/lonely.ts:1: dead: no test and no command reaches this file",
    ],
  ],
  [
    "an entry point that somebody imports, and an import of nothing",
    {
      "test/main.test.ts": 'import "../src/main/quipu.js";\n',
      [main]: 'import "../store/no.js";\nimport "../store/store.js";\n',
    },
    [
      `${main}:1: ../store/no.js does not exist`,
      "test/main.test.ts:1: nothing imports src/main: start it as a process",
    ],
  ],
  [
    "sizes, drawers and things left for later",
    {
      [base]: `export const empty = 0;\n${longFunction}`,
      [store]: storeText + "// a line\n".repeat(17),
      "test/long.test.ts": `${longFunction}${"// a line\n".repeat(19)}`,
      "native/kernels/sum.h": "// a line\n".repeat(11),
      "native/kernels/utils.h": `// ${"TO"}DO: split\n`,
    },
    [
      `${base}:2: long has 7 lines; at most 5`,
      `${store}:20: 21 lines; at most 20`,
      "test/long.test.ts:25: 26 lines; at most 25",
      "native/kernels/sum.h:10: 11 lines; at most 10",
      "native/kernels/utils.h:1: a drawer: name what is in it",
      "native/kernels/utils.h:1: left for later: do it or drop it",
    ],
  ],
  [
    "native floors and twins",
    {
      "native/kernels/sum_avx2.cc": '#include <node_api.h>\n#include "addon/addon.h"\n',
      "native/addon/addon.h": "",
      "native/kernels/mean/mean_avx512.cc": "",
      "native/attic/box.cc": "",
    },
    [
      "native/attic/box.cc:1: this folder is no native room of scripts/floors.json",
      "native/kernels/mean/mean_avx512.cc:1: no portable twin: native/kernels/mean/mean_portable.cc is missing",
      "native/kernels/sum_avx2.cc:1: node_api.h: only native/addon knows Node",
      "native/kernels/sum_avx2.cc:2: native/kernels may not include native/addon/addon.h",
    ],
  ],
];

t.test("the checker finds each kind of breach, and nothing else", async (t) => {
  for (const [what, changes, findings] of breaches) {
    t.same(findingsIn(changes).sort(), [...findings].sort(), what);
  }
});

t.test("this checkout keeps its own rules", async (t) => {
  t.same(checkHouse(root), []);
});
