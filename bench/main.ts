/** `npm run bench` runs every suite, `npm run bench -- hash` one of them. */
const suites: Readonly<Record<string, () => Promise<unknown>>> = {
  hash: () => import("./hash.js"),
  matmul: () => import("./matmul.js"),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(suites, name));
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(", ")}: choose from ${Object.keys(suites).join(", ")}`);
  process.exitCode = 2;
} else {
  for (const [name, run] of Object.entries(suites)) {
    if (asked.length === 0 || asked.includes(name)) await run();
  }
}
