/** The job of the example that reads digits, as one whose task may be changed. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { digestOf } from "../src/base/bytes.js";
import { jobSpec, type TensorTask } from "../src/model/job.js";

export const modelPath = resolve("examples", "digits", "knn.onnx");

const file = parse(readFileSync(join("examples", "digits", "classify.yaml"), "utf8"));
file.task.model = digestOf(readFileSync(modelPath));
export const classify = jobSpec.parse(file);

export const asked = (parts: Partial<TensorTask>) =>
  jobSpec.parse({ ...classify, task: { ...classify.task, ...parts } });
