/**
 * Below the cloud: the marked portfolios with their numbers, and what the colours mean. The data attributes
 * carry the numbers per bar with full precision.
 */
import { rampAt, css, sharpeRamp } from "../core/colour";
import { h, setData, setText } from "../core/dom";
import { parseTime, percentSignificant, ratio, timeOfDay } from "../core/format";
import { isDark } from "../core/theme";
import { portfolioKey, type Model } from "../model";
import type { Bands } from "./bands";
import { markedPortfolios } from "./marks";
import type { Units } from "./overlay";
import type { SharpeScale } from "./sharpe";

interface Row {
  readonly root: HTMLElement;
  readonly cells: Record<"risk" | "mean" | "sharpe" | "gap", HTMLElement>;
}

export class Legend {
  readonly root = h("div", { class: "cloud-legend" });
  readonly #body = h("tbody");
  readonly #bar = h("canvas", { class: "ramp", width: 120, height: 1, "aria-hidden": "true" });
  readonly #low = h("span");
  readonly #high = h("span");
  readonly #unit = h("span", { class: "dim" });
  readonly #bands = h("p", { class: "bands dim", "data-testid": "bands", hidden: true });
  readonly #rows = new Map<string, Row>();
  #dark: boolean | null = null;

  constructor() {
    const heads = ["", "risk", "mean", "Sharpe", "gap"].map((text) => h("th", { scope: "col" }, text));
    const table = h("table", { class: "marked", "aria-label": "Marked portfolios" });
    table.append(h("thead", {}, h("tr", {}, ...heads)), this.#body);
    const scale = h("div", { class: "ramp-legend" }, this.#unit);
    scale.append(h("div", { class: "ramp-row" }, this.#low, this.#bar, this.#high));
    this.root.append(h("div", { class: "marked-box" }, table, this.#bands), scale);
  }

  update(model: Model, units: Units, sharpe: SharpeScale): void {
    this.#paintRamp();
    setText(this.#unit, `Sharpe ${units.name}`);
    setText(this.#low, ratio((sharpe.low * units.mean) / units.risk));
    setText(this.#high, ratio((sharpe.high * units.mean) / units.risk));
    const portfolios = markedPortfolios(model);
    const keys = new Set(portfolios.map(portfolioKey));
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      row.root.remove();
      this.#rows.delete(key);
    }
    for (const portfolio of portfolios) {
      const row = this.#row(portfolioKey(portfolio), portfolio.objective, portfolio.method);
      const { mean, risk, sharpe: best, gap, sequence, label } = portfolio;
      for (const [name, value] of Object.entries({ mean, risk, sharpe: best, gap, sequence })) {
        setData(row.root, name, value);
      }
      setData(row.root, "label", label);
      setText(row.cells.risk, percentSignificant(risk === null ? null : risk * units.risk));
      setText(row.cells.mean, percentSignificant(mean === null ? null : mean * units.mean));
      setText(row.cells.sharpe, ratio(best === null ? null : (best * units.mean) / units.risk));
      setText(row.cells.gap, gap === null ? "–" : gap === 0 ? "0" : gap.toExponential(1));
      row.root.title = label === "ok" ? "" : label;
      row.root.classList.toggle("fallback", label !== "ok");
    }
    this.#describe(model.bands, model.stamp?.bar ?? null);
    if (model.stamp !== null) setData(this.root, "sequence", model.stamp.sequence);
  }

  #describe(bands: Bands | null, newest: number | null): void {
    this.#bands.hidden = bands === null;
    if (bands === null) return;
    const age = newest === null ? "" : `, ${Math.max(0, newest - bands.bar)} bars ago`;
    setText(this.#bands, `▒ resampled frontier, 5 to 95 % of its bootstraps, at ${timeOfDay(parseTime(bands.asOf))}${age}`);
    setData(this.#bands, "bar", bands.bar);
    setData(this.#bands, "points", bands.risk.length);
  }

  #row(key: string, objective: string, method: string): Row {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const name = h("th", { scope: "row" }, h("i", { class: `glyph ${method}`, "aria-hidden": "true" }), `${objective} `);
    name.append(h("span", { class: "dim" }, method));
    const cells = { risk: h("td"), mean: h("td"), sharpe: h("td"), gap: h("td") };
    const root = h("tr", { "data-testid": "marked-portfolio", "data-objective": objective, "data-method": method });
    root.append(name, ...Object.values(cells));
    this.#body.append(root);
    this.#rows.set(key, { root, cells });
    return { root, cells };
  }

  #paintRamp(): void {
    if (this.#dark === isDark()) return;
    this.#dark = isDark();
    const context = this.#bar.getContext("2d");
    for (let place = 0; context !== null && place < 120; place += 1) {
      context.fillStyle = css(rampAt(sharpeRamp(this.#dark), place / 119));
      context.fillRect(place, 0, 1, 1);
    }
  }
}
