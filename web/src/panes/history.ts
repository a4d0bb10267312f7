/** Weights through time: the chosen portfolio's weights at the last bars, stacked. */
import { sql } from "../api/rest";
import { Chart } from "../charts/chart";
import { h, setText } from "../core/dom";
import { percent, timeOfDay } from "../core/format";
import { painter } from "../core/scheduler";
import { Series } from "../core/series";
import { assetCss } from "../core/theme";
import type { Model } from "../model";
import { pane } from "./pane";
import type { Selection } from "./selection";
import { mergeWeights, storedWeights, weightsQuery } from "./weights-series";

/** Bars kept. */
const BARS = 600;
/** Live weights stand in for stored ones between two looks at the tables, milliseconds. */
const LOOK = 30_000;

export class HistoryPane {
  readonly root: HTMLElement;
  readonly #model: Model;
  readonly #selection: Selection;
  readonly #note: HTMLElement;
  readonly #chart: Chart;
  readonly #request: () => void;
  #series: Series | null = null;
  #columns: number[][] = [];
  #load = 0;
  #key = "";

  constructor(model: Model, selection: Selection) {
    this.#model = model;
    this.#selection = selection;
    const { root, body, note } = pane("weights-history", "Weights through time");
    this.root = root;
    this.#note = note;
    const box = h("div", { class: "chart", role: "img", "aria-labelledby": "weights-history-title" });
    body.append(box);
    this.#chart = new Chart(box);
    this.#request = painter(1, () => {
      this.#paint();
      return false;
    });
    model.on("reset", () => {
      this.#reset();
    });
    model.on("bar", () => {
      this.#append();
    });
    model.on("portfolios", () => {
      if (this.#key !== selection.key) this.#restart();
    });
    selection.onChange(() => {
      if (this.#key !== selection.key) this.#restart();
    });
    setInterval(() => {
      if (!document.hidden && model.connection.state === "live") void this.#fetch();
    }, LOOK);
  }

  #reset(): void {
    const assets = this.#model.assets;
    this.#series = new Series(assets.length, BARS);
    this.#columns = Array.from({ length: assets.length + 1 }, () => []);
    const lines = assets.map((label, index) => ({
      label,
      stroke: () => "transparent",
      fill: () => assetCss(index, 0.8),
      width: 0,
    }));
    // Line k is the sum of the first k weights; the band below it is filled with its colour.
    const bands = assets.slice(1).map((_, index) => ({ series: [index + 2, index + 1] as [number, number] }));
    this.#chart.configure({
      lines,
      bands,
      range: [0, 1],
      format: (value) => percent(value, 0),
      onCursor: (row) => {
        this.#describe(row);
      },
    });
    this.#key = "";
  }

  #restart(): void {
    this.#key = this.#selection.key;
    this.#series?.clear();
    this.#request();
    void this.#fetch();
  }

  #append(): void {
    const portfolio = this.#selection.portfolio;
    // Portfolios that are only worked out at a bar's close may have been missed: their tables know.
    if (portfolio === null || portfolio.sequence !== this.#model.stamp?.sequence) return;
    if (this.#series?.push(portfolio.asOf / 1000, this.#row(portfolio.weights)) === true) this.#request();
  }

  #row(weights: ReadonlyMap<string, number>): number[] {
    return this.#model.assets.map((asset) => weights.get(asset) ?? 0);
  }

  async #fetch(): Promise<void> {
    const { hello, stamp } = this.#model;
    const portfolio = this.#selection.portfolio;
    if (hello === null || stamp === null || portfolio === null) return;
    this.#load += 1;
    const load = this.#load;
    const { universe, variant } = hello;
    const { objective, method } = portfolio;
    try {
      const { rows } = await sql(weightsQuery({ universe, variant, objective, method }, stamp.asOf, BARS), BARS);
      if (load === this.#load) this.#take(rows);
    } catch {
      if (load === this.#load) setText(this.#note, "since this page was opened");
    }
  }

  /** Stored rows, newest first, take the place of what was received; newer live rows are kept. */
  #take(rows: readonly Readonly<Record<string, unknown>>[]): void {
    const series = this.#series;
    if (series === null || rows.length === 0) return;
    setText(this.#note, "");
    const assets = this.#model.assets;
    const stored = rows.map((row) => storedWeights(row, assets));
    const live = [...series.column(0)].map((time, index) => ({
      time,
      row: assets.map((_, asset) => series.column(asset + 1)[index] ?? 0),
    }));
    const merged = mergeWeights(stored, live, (this.#model.stamp?.asOf ?? Number.POSITIVE_INFINITY) / 1000);
    series.clear();
    for (const { time, row } of merged) series.push(time, row);
    this.#request();
  }

  #paint(): void {
    const series = this.#series;
    if (series === null) return;
    const [times = [], ...sums] = this.#columns;
    times.length = series.length;
    for (const [index, time] of series.column(0).entries()) times[index] = time;
    for (const [asset, sum] of sums.entries()) {
      const below = sums[asset - 1];
      sum.length = series.length;
      for (const [index, weight] of series.column(asset + 1).entries()) sum[index] = (below?.[index] ?? 0) + weight;
    }
    this.#chart.show([times, ...sums]);
    this.root.dataset["bars"] = String(series.length);
    this.root.dataset["newest"] = series.length > 0 ? String(series.lastTime) : "";
    this.root.dataset["portfolio"] = this.#key;
    this.root.classList.toggle("empty", series.length < 2);
  }

  #describe(row: number | null): void {
    const series = this.#series;
    const time = row === null ? undefined : series?.column(0)[row];
    if (series === null || row === null || time === undefined) {
      setText(this.#note, "");
      return;
    }
    const largest = this.#model.assets
      .map((asset, index) => [asset, series.column(index + 1)[row] ?? 0] as const)
      .filter(([, weight]) => weight > 0.005)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 4)
      .map(([asset, weight]) => `${asset} ${percent(weight, 0)}`);
    setText(this.#note, `${timeOfDay(time * 1000)}  ${largest.join("  ")}`);
  }
}
