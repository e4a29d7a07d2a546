/**
 * `npm run bench` runs every suite, `npm run bench -- hash` one of them, `npm run bench:full` also what
 * takes long.
 *
 *   --full      sizes and peers that take minutes
 *   --only H3   only the lines of a suite with this in their name; may be given more than once
 *   --pairs 5   fewer turns, for a look
 */
import { parseArgs } from "node:util";
import type { RunOptions } from "./harness.js";

interface Suite {
  run(options: RunOptions): Promise<void>;
}

const suites: Readonly<Record<string, () => Promise<Suite>>> = {
  agents: () => import("./agents.js"),
  calls: () => import("./calls.js"),
  device: () => import("./device.js"),
  dispatch: () => import("./dispatch.js"),
  hash: () => import("./hash.js"),
  log: () => import("./log.js"),
  models: () => import("./models.js"),
  placement: () => import("./placement.js"),
  policy: () => import("./policy.js"),
  store: () => import("./store.js"),
  tensor: () => import("./tensor.js"),
};

const { positionals: asked, values } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    pairs: { type: "string" },
  },
});
const unknown = asked.filter((name) => !Object.hasOwn(suites, name));
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(", ")}: choose from ${Object.keys(suites).join(", ")}`);
  process.exitCode = 2;
} else {
  const { full, only } = values;
  const pairs = values.pairs === undefined ? undefined : Number(values.pairs);
  for (const [name, load] of Object.entries(suites)) {
    if (asked.length === 0 || asked.includes(name)) await (await load()).run({ full, only, pairs });
  }
}
