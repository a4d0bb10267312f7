/** Throughput through time, and the counts of this run. */
import { Chart } from "../charts/chart";
import { h, setData, setText } from "../core/dom";
import { count, rate } from "../core/format";
import { painter } from "../core/scheduler";
import { Series } from "../core/series";
import { colours } from "../core/theme";
import type { EngineState } from "../api/types";
import type { Model } from "../model";
import { pane } from "./pane";

/** One row a second. */
const ROWS = 600;

const COUNTS: readonly [name: string, label: string, of: (state: EngineState) => number][] = [
  ["ticks", "ticks", (state) => state.ticks],
  ["publications", "publications", (state) => state.publications],
  ["bars", "bars", (state) => state.bars],
  ["stored_bars", "stored bars", (state) => state.stored_bars],
  ["quarantined", "quarantined", (state) => state.quarantined],
];

export class ThroughputPane {
  readonly root: HTMLElement;
  readonly #series = new Series(2, ROWS);
  readonly #columns: [number[], number[], number[]] = [[], [], []];
  readonly #chart: Chart;
  readonly #cells = new Map<string, HTMLElement>();
  readonly #ticks = h("b");
  readonly #publications = h("b");

  constructor(model: Model) {
    const { root, body, note } = pane("throughput", "Throughput");
    this.root = root;
    note.append(
      h("i", { class: "key first", "aria-hidden": "true" }), this.#ticks, " ticks/s  ",
      h("i", { class: "key second", "aria-hidden": "true" }), this.#publications, " publications/s",
    );
    const box = h("div", { class: "chart", role: "img", "aria-labelledby": "throughput-title" });
    const figures = h("dl", { class: "figures" });
    for (const [name, label] of COUNTS) {
      const value = h("dd", { "data-count": name });
      figures.append(h("div", {}, h("dt", {}, label), value));
      this.#cells.set(name, value);
    }
    body.append(box, figures);
    this.#chart = new Chart(box);
    const request = painter(1, () => {
      this.#paint(model.state);
      return false;
    });
    model.on("reset", () => {
      this.#series.clear();
      this.#chart.configure({
        lines: [
          { label: "ticks/s", stroke: () => colours().first, width: 1.5 },
          { label: "publications/s", stroke: () => colours().second, width: 1.5 },
        ],
        format: (value, step) => (step < 1 ? rate(value) : count(value)),
      });
    });
    model.on("state", (state) => {
      this.#series.push(Date.now() / 1000, [state.ticks_per_second, state.publications_per_second]);
      request();
    });
  }

  #paint(state: EngineState | null): void {
    if (state === null) return;
    for (const [index, column] of this.#columns.entries()) {
      const values = this.#series.column(index);
      column.length = values.length;
      for (let row = 0; row < values.length; row += 1) column[row] = values[row] ?? 0;
    }
    this.#chart.show(this.#columns);
    setText(this.#ticks, rate(state.ticks_per_second));
    setText(this.#publications, rate(state.publications_per_second));
    for (const [name, , of] of COUNTS) {
      const cell = this.#cells.get(name);
      if (cell === undefined) continue;
      setText(cell, count(of(state)));
      setData(cell, "value", of(state));
    }
    this.#cells.get("quarantined")?.classList.toggle("warn", state.quarantined > 0);
  }
}
