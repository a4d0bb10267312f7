/** Prices: change since the start of the view as lines, and a table with the newest figures. */
import { assets as fetchAssets, bars as fetchBars } from "../api/rest";
import type { AssetInfo } from "../api/types";
import { Chart } from "../charts/chart";
import { h } from "../core/dom";
import { percent, percentDigits } from "../core/format";
import { painter } from "../core/scheduler";
import { assetCss } from "../core/theme";
import type { Model, Prices } from "../model";
import { pane } from "./pane";
import { PriceSeries } from "./price-series";
import { PriceTable } from "./price-table";

/** Bars in view. */
const BARS = 600;
/** How often staleness and the like are asked for, milliseconds. */
const LOOK = 2000;

export class PricesPane {
  readonly root: HTMLElement;
  readonly #model: Model;
  readonly #chart: Chart;
  readonly #table = new PriceTable((asset) => {
    this.#chart.focus(asset);
  });
  readonly #drawChart: () => void;
  readonly #drawTable: () => void;
  #series = new PriceSeries([], 1);

  constructor(model: Model) {
    this.#model = model;
    const { root, body, note } = pane("prices", "Prices");
    this.root = root;
    note.textContent = "change since the start of the view";
    const box = h("div", { class: "chart", role: "img", "aria-labelledby": "prices-title" });
    body.append(box, this.#table.root);
    this.#chart = new Chart(box);
    this.#drawChart = painter(4, () => {
      this.#paintChart();
      return false;
    });
    this.#drawTable = painter(1, () => {
      this.#table.update(model, this.#series);
      return false;
    });
    model.on("reset", () => {
      this.#reset();
    });
    model.on("prices", (prices) => {
      this.#take(prices);
    });
    model.on("bar", () => {
      this.#series.close();
    });
    for (const topic of ["points", "details"] as const) model.on(topic, this.#drawTable);
    model.on("connection", ({ state }) => {
      if (state === "live") void this.#load();
    });
    setInterval(() => {
      if (!document.hidden && model.connection.state === "live") void this.#look();
    }, LOOK);
  }

  #reset(): void {
    const assets = this.#model.assets;
    this.#series = new PriceSeries(assets, BARS);
    this.#table.reset(assets);
    this.#chart.configure({
      lines: assets.map((label, index) => ({ label, stroke: () => assetCss(index) })),
      format: (value, step) => percent(value, Math.max(0, percentDigits(step) - 2)),
    });
    void this.#load();
  }

  /** Loads stored bars; also after a reconnection, to fill the gap. */
  async #load(): Promise<void> {
    const hello = this.#model.hello;
    if (hello === null) return;
    void this.#look();
    try {
      const bars = await fetchBars(hello.universe, BARS);
      if (hello !== this.#model.hello) return;
      this.#series.load(bars);
      this.#drawChart();
    } catch {
      // Without stored bars the view starts with what is received.
    }
  }

  async #look(): Promise<void> {
    const hello = this.#model.hello;
    if (hello === null) return;
    try {
      const details: readonly AssetInfo[] = await fetchAssets(hello.universe);
      if (hello === this.#model.hello) this.#model.setDetails(details);
    } catch {
      // Asked again soon; meanwhile the stream's own figures are shown.
    }
  }

  #take(prices: Prices): void {
    const row = this.#model.assets.map((asset) => {
      const index = prices.assets[this.#model.assets.indexOf(asset)] === asset
        ? this.#model.assets.indexOf(asset)
        : prices.assets.indexOf(asset);
      return prices.price[index] ?? Number.NaN;
    });
    this.#series.live(prices.asOf / 1000, row);
    this.#drawChart();
    this.#drawTable();
  }

  #paintChart(): void {
    const data = this.#series.relative();
    this.#chart.show(data);
    this.root.dataset["bars"] = String(this.#series.length);
    this.root.dataset["newest"] = this.#series.length > 0 ? String(this.#series.lastTime) : "";
    this.root.classList.toggle("empty", this.#series.length < 2);
  }
}
