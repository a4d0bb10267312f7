/** Weights now: one bar an asset for the chosen portfolio, with its figures. */
import { h, setData, setText } from "../core/dom";
import { percent, percentSignificant, ratio } from "../core/format";
import { painter } from "../core/scheduler";
import { assetCss, onTheme } from "../core/theme";
import type { Marked, Model } from "../model";
import { Choice, pane } from "./pane";
import type { Selection } from "./selection";

interface Row {
  readonly root: HTMLElement;
  readonly bar: HTMLElement;
  readonly value: HTMLElement;
}

export class WeightsPane {
  readonly root: HTMLElement;
  readonly #model: Model;
  readonly #selection: Selection;
  readonly #tabs: Choice;
  readonly #figures = new Map<string, HTMLElement>();
  readonly #list = h("div", { class: "weights-list", role: "list" });
  readonly #label = h("p", { class: "weights-label", role: "status" });
  readonly #rows = new Map<string, Row>();

  constructor(model: Model, selection: Selection) {
    this.#model = model;
    this.#selection = selection;
    const { root, body } = pane("weights", "Weights now");
    this.root = root;
    this.#tabs = new Choice("Portfolio", (key) => {
      selection.choose(key);
    });
    this.#tabs.root.classList.add("tabs");
    const figures = h("dl", { class: "figures" });
    for (const name of ["Sharpe", "mean", "risk", "gap"]) {
      const value = h("dd");
      figures.append(h("div", {}, h("dt", {}, name), value));
      this.#figures.set(name, value);
    }
    body.append(this.#tabs.root, figures, this.#label, this.#list);
    const request = painter(1, () => {
      this.#paint();
      return false;
    });
    model.on("portfolios", request);
    model.on("reset", () => {
      this.#list.replaceChildren();
      this.#rows.clear();
      request();
    });
    selection.onChange(request);
    onTheme(() => {
      for (const [asset, row] of this.#rows) this.#colour(asset, row);
    });
  }

  #paint(): void {
    const portfolio = this.#selection.portfolio;
    this.#tabs.show(
      this.#selection.keys.map((key) => [key, key] as const),
      this.#selection.key,
    );
    this.root.classList.toggle("empty", portfolio === null);
    if (portfolio === null) return;
    this.#paintFigures(portfolio);
    const old = this.#model.stamp !== null && portfolio.sequence < this.#model.stamp.sequence;
    setText(this.#label, [
      portfolio.label === "ok" ? "" : portfolio.label,
      portfolio.bar !== null ? `at the close of bar ${portfolio.bar}` : old ? "answered when a bar closes" : "",
    ].filter((text) => text !== "").join(" · "));
    this.#label.classList.toggle("warn", portfolio.label !== "ok");
    this.#paintRows(portfolio);
  }

  #paintFigures(portfolio: Marked): void {
    const { sharpe, mean, risk, gap } = portfolio;
    const texts = {
      Sharpe: ratio(sharpe),
      mean: percentSignificant(mean),
      risk: percentSignificant(risk),
      gap: gap === null ? "–" : gap === 0 ? "0" : gap.toExponential(1),
    };
    for (const [name, text] of Object.entries(texts)) {
      const cell = this.#figures.get(name);
      if (cell !== undefined) setText(cell, text);
    }
    const data = { objective: portfolio.objective, method: portfolio.method, sequence: portfolio.sequence };
    for (const [name, value] of Object.entries({ ...data, mean, risk, sharpe, gap, label: portfolio.label })) {
      setData(this.root, name, value);
    }
  }

  #paintRows(portfolio: Marked): void {
    for (const [asset, row] of this.#rows) {
      if (portfolio.weights.has(asset)) continue;
      row.root.remove();
      this.#rows.delete(asset);
    }
    const most = Math.max(1e-9, ...[...portfolio.weights.values()].map(Math.abs));
    // Bars are relative to a round share, so that small weights can be told apart and nothing jumps.
    const full = [0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1].find((step) => step >= most) ?? most;
    for (const [asset, weight] of portfolio.weights) {
      const row = this.#rows.get(asset) ?? this.#add(asset);
      setData(row.root, "weight", weight);
      row.bar.style.transform = `scaleX(${(Math.abs(weight) / full).toFixed(4)})`;
      setText(row.value, percent(weight, 2));
      row.root.classList.toggle("zero", Math.abs(weight) < 5e-5);
    }
  }

  /** Rows stand in universe order, wherever the new one belongs. */
  #add(asset: string): Row {
    const bar = h("i", { class: "bar" });
    const value = h("span", { class: "number" });
    const root = h("div", { class: "weight", role: "listitem", "data-asset": asset });
    root.append(h("span", { class: "name" }, asset), h("span", { class: "track", "aria-hidden": "true" }, bar), value);
    const row = { root, bar, value };
    this.#colour(asset, row);
    this.#rows.set(asset, row);
    const place = this.#model.assets.indexOf(asset);
    const next = [...this.#list.children].find(
      (other) => this.#model.assets.indexOf(other.getAttribute("data-asset") ?? "") > place,
    );
    this.#list.insertBefore(root, next ?? null);
    return row;
  }

  #colour(asset: string, row: Row): void {
    row.bar.style.background = assetCss(Math.max(0, this.#model.assets.indexOf(asset)));
  }
}
