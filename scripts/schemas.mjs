// Publishes JSON Schemas from the schemas that the code validates with: of job files, for editors, and of the
// statement in a receipt, for verifiers. `node scripts/schemas.mjs` writes them to docs/; `--check` fails when
// one is stale.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { askedJob } from "../dist/src/model/job.js";
import { statement } from "../dist/src/model/statement.js";

const schemas = {
  "job.schema.json": {
    $id: "https://quipu.dev/schema/job-v1.json",
    title: "Quipu job",
    // A file may leave defaults out, and may name its model as a path, which the command line uploads.
    ...z.toJSONSchema(askedJob, {
      io: "input",
      override: ({ zodSchema, jsonSchema }) => {
        if (zodSchema._zod.def.type !== "template_literal") return;
        jsonSchema.pattern = undefined;
        jsonSchema.description = "sha256:HEX of a stored artifact, or a path beside this file";
      },
    }),
  },
  "receipt.schema.json": {
    $id: "https://quipu.dev/schema/compute-run-v1.json",
    title: "Statement in a Quipu receipt",
    ...z.toJSONSchema(statement, { io: "output" }),
  },
};

for (const [name, schema] of Object.entries(schemas)) {
  const path = fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`docs/${name} is stale; next: node scripts/schemas.mjs`);
    process.exitCode = 1;
  }
}
