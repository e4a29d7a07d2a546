/**
 * Counts what the works of one transaction change. A work that throws before it has changed anything
 * leaves nothing to undo, and takes nothing of the others with it.
 */
import type { KyselyPlugin, PluginTransformQueryArgs, RootOperationNode } from "kysely";

export class Changes implements KyselyPlugin {
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(): void {
    this.#count += 1;
  }

  /** Whatever is no plain question counts. */
  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    if (node.kind !== "SelectQueryNode") this.add();
    return node;
  }

  async transformResult<Result>({ result }: { readonly result: Result }): Promise<Result> {
    return result;
  }
}
