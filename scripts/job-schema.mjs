// Publishes the JSON Schema of job files for editors, from the schema that the code validates with.
// `node scripts/job-schema.mjs` writes docs/job.schema.json; `--check` fails when it is stale.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { askedJob } from "../dist/src/model/job.js";

const path = fileURLToPath(new URL("../docs/job.schema.json", import.meta.url));

// A file may leave defaults out, and may name its model as a path, which the command line uploads.
const schema = z.toJSONSchema(askedJob, {
  io: "input",
  override: ({ zodSchema, jsonSchema }) => {
    if (zodSchema._zod.def.type !== "template_literal") return;
    jsonSchema.pattern = undefined;
    jsonSchema.description = "sha256:HEX of a stored artifact, or a path beside this file";
  },
});
const text = `${JSON.stringify({ $id: "https://quipu.dev/schema/job-v1.json", title: "Quipu job", ...schema }, null, 2)}\n`;

if (!process.argv.includes("--check")) {
  writeFileSync(path, text);
} else if (readFileSync(path, "utf8") !== text) {
  console.error("docs/job.schema.json is stale; next: node scripts/job-schema.mjs");
  process.exitCode = 1;
}
