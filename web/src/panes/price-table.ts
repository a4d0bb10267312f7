/** The table of prices: one row an asset, its line's colour in front. */
import { h, setData, setText } from "../core/dom";
import { age, parseTime, percentSignificant, price, signedPercent } from "../core/format";
import { assetCss, onTheme } from "../core/theme";
import type { Model } from "../model";
import type { PriceSeries } from "./price-series";

interface Row {
  readonly root: HTMLElement;
  readonly swatch: HTMLElement;
  readonly price: HTMLElement;
  readonly change: HTMLElement;
  readonly volatility: HTMLElement;
  readonly mean: HTMLElement;
  readonly stale: HTMLElement;
}

export class PriceTable {
  readonly root: HTMLElement;
  readonly #body = h("tbody");
  readonly #onFocus: (asset: number | null) => void;
  #assets: readonly string[] = [];
  #rows: Row[] = [];

  /** `onFocus` says which asset the pointer is on. */
  constructor(onFocus: (asset: number | null) => void) {
    this.#onFocus = onFocus;
    const heads = ["asset", "price", "change", "volatility", "mean"].map((text) => h("th", { scope: "col" }, text));
    const table = h("table", { class: "prices", "aria-label": "Newest prices" });
    table.append(h("thead", {}, h("tr", {}, ...heads)), this.#body);
    this.root = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Prices by asset" }, table);
    onTheme(() => {
      this.#paintSwatches();
    });
  }

  reset(assets: readonly string[]): void {
    this.#assets = assets;
    this.#rows = assets.map((asset, index) => this.#row(asset, index));
    this.#body.replaceChildren(...this.#rows.map((row) => row.root));
    this.#paintSwatches();
  }

  update(model: Model, series: PriceSeries): void {
    const { prices, points } = model;
    const details = new Map(model.details.map((detail) => [detail.asset, detail]));
    if (prices !== null) setData(this.root, "sequence", prices.sequence);
    if (points !== null) setData(this.root, "pointsSequence", points.sequence);
    for (const [index, asset] of this.#assets.entries()) {
      const row = this.#rows[index];
      if (row === undefined) continue;
      const detail = details.get(asset);
      const at = prices?.assets.indexOf(asset) ?? -1;
      const now = prices?.price[at] ?? detail?.price ?? Number.NaN;
      const change = now / series.base(index) - 1;
      const point = points?.assets.indexOf(asset) ?? -1;
      const volatility = points?.volatility[point] ?? detail?.volatility;
      const mean = points?.mean[point] ?? detail?.mean;
      this.#paint(row, { now, change, volatility, mean });
      const stale = detail?.stale === true;
      row.root.classList.toggle("stale", stale);
      row.root.classList.toggle("out", detail?.eligible === false);
      const since = Date.now() - parseTime(detail?.last_tick);
      setText(row.stale, stale ? `stale ${age(since)}` : detail?.eligible === false ? "not yet in" : "");
    }
  }

  #paint(
    row: Row,
    values: { now: number; change: number; volatility: number | null | undefined; mean: number | null | undefined },
  ): void {
    setData(row.root, "price", values.now);
    setData(row.root, "volatility", values.volatility);
    setData(row.root, "mean", values.mean);
    setText(row.price, price(values.now));
    setText(row.change, signedPercent(values.change));
    row.change.className = values.change > 0 ? "up" : values.change < 0 ? "down" : "";
    setText(row.volatility, percentSignificant(values.volatility));
    setText(row.mean, percentSignificant(values.mean));
  }

  #row(asset: string, index: number): Row {
    const [swatch, stale] = [h("i", { class: "swatch", "aria-hidden": "true" }), h("span", { class: "stale-mark" })];
    const cells = { price: h("td"), change: h("td"), volatility: h("td"), mean: h("td") };
    const root = h("tr", { "data-asset": asset }, h("th", { scope: "row" }, swatch, asset, stale));
    root.append(...Object.values(cells));
    root.addEventListener("pointerenter", () => {
      this.#onFocus(index);
    });
    root.addEventListener("pointerleave", () => {
      this.#onFocus(null);
    });
    return { root, swatch, stale, ...cells };
  }

  #paintSwatches(): void {
    for (const [index, row] of this.#rows.entries()) row.swatch.style.background = assetCss(index);
  }
}
