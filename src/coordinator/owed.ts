/** What is to be done soon, one at a time; what is not ready or fails is tried again at the next tick. */
import { type Core, trouble } from "./core.js";

export class Owed {
  readonly #core: () => Core;
  readonly #what: string;
  readonly #step: (core: Core, id: string) => Promise<boolean>;
  readonly #ids = new Set<string>();
  #running = false;

  /** `step` answers whether that is done; `what` names its kind where it fails. */
  constructor(core: () => Core, what: string, step: (core: Core, id: string) => Promise<boolean>) {
    this.#core = core;
    this.#what = what;
    this.#step = step;
  }

  add(id: string): void {
    this.#ids.add(id);
    this.retry();
  }

  /** Goes on with what could not be done yet. */
  retry(): void {
    if (this.#running || this.#ids.size === 0) return;
    this.#running = true;
    this.#core().ports.defer(() => void this.#run());
  }

  async #run(): Promise<void> {
    const core = this.#core();
    const later = new Set<string>();
    for (let [id] = this.#ids; id !== undefined; [id] = this.#ids) {
      this.#ids.delete(id);
      try {
        if (!(await this.#step(core, id))) later.add(id);
      } catch (thrown) {
        trouble(core, `${this.#what} ${id}`, thrown);
        later.add(id);
      }
    }
    for (const id of later) this.#ids.add(id);
    this.#running = false;
  }
}
