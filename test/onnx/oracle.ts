/** The other engine, out of bench/peers, as an oracle: plain CPU, one thread. */
import { createRequire } from "node:module";
import { join } from "node:path";
import type { HeldTensor } from "./elements.js";
import { peers } from "./real-models.js";

interface OracleTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: HeldTensor["data"];
}

export interface OracleSession {
  readonly inputNames: readonly string[];
  run(feeds: Readonly<Record<string, OracleTensor>>): Promise<Record<string, OracleTensor>>;
}

interface Oracle {
  readonly Tensor: new (
    type: string,
    data: HeldTensor["data"],
    dims: readonly number[],
  ) => OracleTensor;
  readonly InferenceSession: {
    create(
      model: string | Uint8Array,
      options: Readonly<Record<string, unknown>>,
    ): Promise<OracleSession>;
  };
}

export function loadOracle(): Oracle {
  return createRequire(join(peers, "package.json"))("onnxruntime-node") as Oracle;
}

/** `model`: where it lies, or its bytes. */
export function openOracle(
  oracle: Oracle,
  model: string | Uint8Array,
  threads: number,
): Promise<OracleSession> {
  return oracle.InferenceSession.create(model, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
}

export function feedsOf(
  oracle: Oracle,
  inputs: readonly HeldTensor[],
): Readonly<Record<string, OracleTensor>> {
  return Object.fromEntries(
    inputs.map(({ name, dtype, data, shape }) => [name, new oracle.Tensor(dtype, data, shape)]),
  );
}
