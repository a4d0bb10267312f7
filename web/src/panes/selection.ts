/** Which portfolio the panes of weights show; the tabs that choose it. */
import { load, save } from "../core/settings";
import { portfolioKey, type Marked, type Model } from "../model";

const FIRST = portfolioKey({ objective: "max-sharpe", method: "exact" });

export class Selection {
  readonly #model: Model;
  readonly #listeners: (() => void)[] = [];
  #wish = load("portfolio") ?? FIRST;

  constructor(model: Model) {
    this.#model = model;
  }

  get keys(): string[] {
    return [...this.#model.portfolios.keys()].sort((a, b) => order(a) - order(b) || a.localeCompare(b));
  }

  /** The key that is shown: the wish, where there is such a portfolio. */
  get key(): string {
    if (this.#model.portfolios.has(this.#wish)) return this.#wish;
    return this.#model.portfolios.has(FIRST) ? FIRST : (this.keys[0] ?? FIRST);
  }

  get portfolio(): Marked | null {
    return this.#model.portfolios.get(this.key) ?? null;
  }

  choose(key: string): void {
    this.#wish = key;
    save("portfolio", key);
    for (const listener of this.#listeners) listener();
  }

  /** Goes to the next (1) or the one before (-1). */
  step(by: number): void {
    const keys = this.keys;
    const next = keys[(keys.indexOf(this.key) + by + keys.length) % keys.length];
    if (next !== undefined) this.choose(next);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

/** The marked objectives first, exact before monte-carlo. */
function order(key: string): number {
  const objective = key.startsWith("max-sharpe") ? 0 : key.startsWith("min-variance") ? 2 : 4;
  return objective + (key.endsWith("exact") ? 0 : 1);
}
