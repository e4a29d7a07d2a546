/**
 * `node scripts/docs.mjs`: do the documents still tell the truth where a program can check it?
 * Links inside the repository resolve, commands that they name exist, and the table of error codes
 * is the one in the code.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { filesUnder } from "./stamps.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (path) => readFileSync(join(root, path), "utf8");
const grpcNames = (
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS " +
  "PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED " +
  "INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split(" ");

const findings = [];
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...filesUnder(root, ["docs", "deploy", "examples", "bench", "test"], (path) =>
    path.endsWith(".md"),
  ),
];
const { scripts } = JSON.parse(read("package.json"));
for (const path of documents) {
  for (const [at, line] of read(path).split("\n").entries()) checkLine(path, at + 1, line);
}
await checkErrors();

for (const finding of findings) console.log(finding);
console.log(findings.length === 0 ? "docs: ok" : `docs: ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;

function checkLine(path, number, line) {
  for (const [, target] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
    const file = target.split("#")[0];
    if (/^[a-z]+:/.test(target) || file === "") continue;
    if (existsSync(join(root, dirname(path), file))) continue;
    findings.push(`${path}:${number}: the link to ${target} leads nowhere`);
  }
  for (const [, name] of line.matchAll(/\bnpm run (?:-s |--silent )?([\w:]+)/g)) {
    if (name in scripts) continue;
    findings.push(`${path}:${number}: there is no command npm run ${name}`);
  }
}

async function checkErrors() {
  const compiled = join(root, "dist/src/base/errors.js");
  const { errorCodes } = await import(pathToFileURL(compiled).href);
  const rows = read("docs/errors.md").matchAll(/^\| `(\w+)` \| (\w+) \| (\d+) \| (\w+) \|/gm);
  const told = new Map([...rows].map(([, code, ...facts]) => [code, facts.join(" ")]));
  for (const [code, { kind, exit, grpc }] of Object.entries(errorCodes)) {
    const facts = `${kind} ${exit} ${grpcNames[grpc]}`;
    if (told.get(code) !== facts) findings.push(`docs/errors.md:1: ${code} should read: ${facts}`);
    told.delete(code);
  }
  for (const code of told.keys()) findings.push(`docs/errors.md:1: there is no code ${code}`);
}
