/** Latency by stage: percentiles as numbers and on a logarithmic line. */
import type { Stage } from "../api/types";
import { h, setData, setText } from "../core/dom";
import { nanoseconds } from "../core/format";
import { painter } from "../core/scheduler";
import type { Model } from "../model";
import { pane } from "./pane";

const SHOWN = ["p50", "p99", "p99.9", "max"] as const;

interface Row {
  readonly root: HTMLElement;
  readonly cells: readonly HTMLElement[];
  readonly span: HTMLElement;
  readonly dot: HTMLElement;
}

export class LatencyPane {
  readonly root: HTMLElement;
  readonly #body = h("tbody");
  readonly #scale = h("td", { class: "log-scale", "aria-hidden": "true" });
  readonly #rows = new Map<string, Row>();

  constructor(model: Model) {
    const { root, body, note } = pane("latency", "Latency by stage");
    this.root = root;
    note.textContent = "since the start";
    const heads = ["stage", ...SHOWN].map((text) => h("th", { scope: "col" }, text));
    const table = h("table", { class: "latency", "aria-label": "Latency by stage" });
    table.append(h("thead", {}, h("tr", {}, ...heads, this.#scale)), this.#body);
    body.append(h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Latency by stage" }, table));
    const request = painter(1, () => {
      this.#paint(model.state?.latency ?? []);
      return false;
    });
    model.on("state", request);
    model.on("reset", () => {
      this.#rows.clear();
      this.#body.replaceChildren();
    });
  }

  #paint(stages: readonly Stage[]): void {
    const counted = stages.filter(({ count }) => count > 0);
    this.root.classList.toggle("empty", counted.length === 0);
    if (counted.length === 0) return;
    // Whole decades around everything that is shown.
    const low = Math.floor(Math.log10(Math.max(1, Math.min(...counted.map(({ p50 }) => p50)))));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(2, ...counted.map((stage) => stage["p99.9"])))));
    const place = (value: number): number =>
      Math.min(100, Math.max(0, (100 * (Math.log10(Math.max(1, value)) - low)) / (high - low)));
    this.#paintScale(low, high);
    for (const stage of counted) {
      const row = this.#rows.get(stage.stage) ?? this.#add(stage.stage);
      for (const [index, name] of SHOWN.entries()) {
        const cell = row.cells[index];
        if (cell !== undefined) setText(cell, nanoseconds(stage[name]));
      }
      for (const [name, value] of Object.entries({ count: stage.count, p50: stage.p50, p99: stage.p99, p999: stage["p99.9"] })) {
        setData(row.root, name, value);
      }
      row.span.style.left = `${place(stage.p50)}%`;
      row.span.style.width = `${Math.max(1, place(stage["p99.9"]) - place(stage.p50))}%`;
      row.dot.style.left = `${place(stage.p99)}%`;
    }
  }

  #paintScale(low: number, high: number): void {
    const key = `${low} ${high}`;
    if (this.#scale.dataset["decades"] === key) return;
    this.#scale.dataset["decades"] = key;
    const ends = [low, high].map((power) => h("span", {}, nanoseconds(10 ** power).replace(/\.0+(?= )/, "")));
    this.#scale.replaceChildren(h("div", { class: "ends" }, ...ends));
  }

  #add(stage: string): Row {
    const cells = SHOWN.map(() => h("td"));
    const [span, dot] = [h("i", { class: "span" }), h("i", { class: "dot" })];
    const root = h("tr", { "data-stage": stage }, h("th", { scope: "row" }, stage), ...cells);
    root.append(h("td", { class: "log", "aria-hidden": "true" }, h("div", { class: "log-track" }, span, dot)));
    this.#body.append(root);
    const row = { root, cells, span, dot };
    this.#rows.set(stage, row);
    return row;
  }
}
