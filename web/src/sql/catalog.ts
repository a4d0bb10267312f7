/** The list beside the query: tables with their columns, units and comments. */
import type { Catalog } from "../api/types";
import { h } from "../core/dom";

export class CatalogList {
  readonly root = h("aside", { class: "catalog scroll", "aria-label": "Tables and functions", tabindex: "0" });
  readonly #onInsert: (text: string) => void;

  constructor(onInsert: (text: string) => void) {
    this.#onInsert = onInsert;
    this.note("The catalog has not been loaded yet.");
  }

  note(text: string): void {
    this.root.replaceChildren(h("p", { class: "dim" }, text));
  }

  show(catalog: Catalog): void {
    const tables = catalog.tables.map((table) => {
      const columns = table.columns.map((column) => {
        const detail = [column.unit ? `[${column.unit}]` : "", column.comment ?? ""].filter((text) => text !== "").join(" ");
        const item = h("li", {}, this.#name(column.name), h("small", {}, column.type));
        if (detail !== "") item.append(h("span", {}, detail));
        return item;
      });
      const summary = h("summary", { title: table.comment ?? "" }, table.name);
      const comment = table.comment ? [h("p", {}, table.comment)] : [];
      return h("details", {}, summary, ...comment, h("ul", {}, ...columns));
    });
    const functions = catalog.functions.map((entry) =>
      h("li", {}, this.#name(entry.name), h("small", {}, entry.signature), h("span", {}, entry.comment ?? "")),
    );
    const more = functions.length > 0 ? [h("details", {}, h("summary", {}, "functions"), h("ul", {}, ...functions))] : [];
    this.root.replaceChildren(...tables, ...more);
  }

  #name(text: string): HTMLElement {
    const name = h("button", { type: "button", title: `Insert ${text}` }, text);
    name.addEventListener("click", () => {
      this.#onInsert(text);
    });
    return name;
  }
}
