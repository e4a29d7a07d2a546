/** Names of a graph, and behind them those of the graph around it. */
export class Scope<T> {
  readonly #own = new Map<string, T>();
  readonly #around: Scope<T> | undefined;

  constructor(around?: Scope<T>) {
    this.#around = around;
  }

  get(name: string): T | undefined {
    return this.#own.get(name) ?? this.#around?.get(name);
  }

  set(name: string, value: T): void {
    this.#own.set(name, value);
  }
}
