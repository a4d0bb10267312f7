/** A result of any length: only the rows in view are nodes. */
import type { SqlAnswer, SqlColumn } from "../api/types";
import { h, setText } from "../core/dom";
import { cellText } from "./csv";

/** Height of a row in CSS pixels, as in the style sheet. */
const ROW = 24;
/** Rows kept above and below what is in view. */
const MORE = 8;
/** Rows looked at to give a column its width. */
const SAMPLE = 60;

export class Grid {
  readonly root = h("div", { class: "grid", tabindex: "0", role: "table", "aria-label": "Result" });
  readonly #head = h("div", { class: "grid-head", role: "row" });
  readonly #space = h("div", { class: "grid-space", role: "rowgroup" });
  readonly #rows: HTMLElement[] = [];
  #answer: SqlAnswer | null = null;
  #numeric: boolean[] = [];
  #first = -1;

  constructor() {
    this.root.append(this.#head, this.#space);
    this.root.addEventListener("scroll", () => {
      this.#paint(false);
    }, { passive: true });
    new ResizeObserver(() => {
      this.#paint(true);
    }).observe(this.root);
  }

  show(answer: SqlAnswer | null): void {
    this.#answer = answer;
    this.#rows.length = 0;
    this.#space.replaceChildren();
    this.#head.replaceChildren();
    this.root.scrollTo(0, 0);
    this.root.hidden = answer === null || answer.columns.length === 0;
    if (answer === null) return;
    this.#numeric = answer.columns.map(({ type }) => /int|float|double|decimal/i.test(type) && !/map|list|struct/i.test(type));
    const widths = answer.columns.map((column) => this.#width(column, answer));
    const template = widths.map((width) => `${width}px`).join(" ");
    this.root.style.setProperty("--columns", template);
    this.root.setAttribute("aria-rowcount", String(answer.rows.length + 1));
    this.#space.style.height = `${answer.rows.length * ROW}px`;
    this.#space.style.width = `${widths.reduce((sum, width) => sum + width, 0)}px`;
    this.#head.style.width = this.#space.style.width;
    this.#head.append(...answer.columns.map((column, index) => this.#heading(column, index)));
    this.#paint(true);
  }

  #heading(column: SqlColumn, index: number): HTMLElement {
    const title = [column.comment, column.nullable === false ? "never null" : ""].filter(Boolean).join(" · ");
    const cell = h("span", { role: "columnheader", title, class: this.#numeric[index] === true ? "number" : undefined });
    cell.append(h("b", {}, column.name), h("small", {}, column.type));
    return cell;
  }

  #width(column: SqlColumn, answer: SqlAnswer): number {
    let longest = Math.max(column.name.length, Math.min(column.type.length, 22) * 0.85);
    for (const row of answer.rows.slice(0, SAMPLE)) longest = Math.max(longest, cellText(row[column.name]).length);
    return Math.round(Math.min(420, Math.max(64, longest * 7.4 + 22)));
  }

  #paint(anew: boolean): void {
    const answer = this.#answer;
    if (answer === null) return;
    const first = Math.max(0, Math.floor(this.root.scrollTop / ROW) - MORE);
    if (first === this.#first && !anew) return;
    this.#first = first;
    const shown = Math.ceil(this.root.clientHeight / ROW) + 2 * MORE;
    const last = Math.min(answer.rows.length, first + shown);
    for (let place = 0; place < Math.max(shown, this.#rows.length); place += 1) {
      const index = first + place;
      if (index >= last || place >= shown) {
        this.#rows[place]?.setAttribute("hidden", "");
        continue;
      }
      this.#fill(this.#rows[place] ?? this.#add(answer.columns.length), index, answer);
    }
  }

  #fill(element: HTMLElement, index: number, answer: SqlAnswer): void {
    element.hidden = false;
    element.style.transform = `translateY(${index * ROW}px)`;
    element.setAttribute("aria-rowindex", String(index + 2));
    element.classList.toggle("odd", index % 2 === 1);
    const row = answer.rows[index];
    for (const [place, column] of answer.columns.entries()) {
      const cell = element.children[place];
      const value = row?.[column.name];
      if (!(cell instanceof HTMLElement)) continue;
      setText(cell, value === null || value === undefined ? "null" : cellText(value));
      cell.classList.toggle("null", value === null || value === undefined);
    }
  }

  #add(columns: number): HTMLElement {
    const cells = Array.from({ length: columns }, (_, index) =>
      h("span", { role: "cell", class: this.#numeric[index] === true ? "number" : undefined }),
    );
    const element = h("div", { class: "grid-row", role: "row" }, ...cells);
    this.#rows.push(element);
    this.#space.append(element);
    return element;
  }
}
