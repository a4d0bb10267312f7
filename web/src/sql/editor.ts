/** The text of a query: Ctrl+Enter runs it, Alt+Up/Down goes through the history, names are completed. */
import type { Catalog } from "../api/types";
import { h } from "../core/dom";
import { loadList, save } from "../core/settings";
import { complete, type Completion } from "./completion";

const MOST = 100;

export class Editor {
  readonly root = h("div", { class: "editor" });
  readonly text = h("textarea", {
    rows: 4, spellcheck: "false", autocomplete: "off", autocapitalize: "off", "data-testid": "sql-text",
    "aria-label": "SQL query; Ctrl+Enter runs it", "aria-autocomplete": "list", "aria-controls": "sql-completion",
    placeholder: "SELECT …   Ctrl+Enter runs it",
  });
  readonly #list = h("ul", { class: "completion", id: "sql-completion", role: "listbox", hidden: true });
  readonly #onRun: (query: string) => void;
  readonly #history = loadList("queries");
  #catalog: Catalog | null = null;
  #completion: Completion | null = null;
  #chosen = 0;
  #at = 0;
  #draft = "";

  constructor(first: string, onRun: (query: string) => void) {
    this.#onRun = onRun;
    this.#at = this.#history.length;
    this.text.value = this.#history.at(-1) ?? first;
    this.root.append(this.text, this.#list);
    this.text.addEventListener("keydown", (event) => {
      if (this.#key(event)) event.preventDefault();
    });
    this.text.addEventListener("input", () => {
      this.#offer();
    });
    this.text.addEventListener("blur", () => {
      this.#close();
    });
  }

  setCatalog(catalog: Catalog): void {
    this.#catalog = catalog;
  }

  set(query: string): void {
    this.text.value = query;
    this.#close();
  }

  run(): void {
    const query = this.text.value.trim();
    if (query === "") return;
    this.#close();
    if (this.#history.at(-1) !== query) this.#history.push(query);
    this.#history.splice(0, Math.max(0, this.#history.length - MOST));
    this.#at = this.#history.length;
    save("queries", JSON.stringify(this.#history));
    this.#onRun(query);
  }

  insert(text: string): void {
    const { selectionStart, selectionEnd } = this.text;
    this.text.setRangeText(text, selectionStart, selectionEnd, "end");
    this.text.focus();
  }

  /** Whether the key has been used up. */
  #key(event: KeyboardEvent): boolean {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      this.run();
      return true;
    }
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      this.#recall(event.key === "ArrowUp" ? -1 : 1);
      return true;
    }
    if (event.ctrlKey && event.key === " ") {
      this.#offer();
      return true;
    }
    return this.#completion !== null && this.#completionKey(event.key);
  }

  #completionKey(key: string): boolean {
    const count = this.#completion?.options.length ?? 0;
    if (key === "ArrowDown" || key === "ArrowUp") {
      this.#chosen = (this.#chosen + (key === "ArrowDown" ? 1 : count - 1)) % count;
      this.#paint();
      return true;
    }
    if (key === "Tab" || key === "Enter") {
      this.#accept(this.#chosen);
      return true;
    }
    if (key === "Escape") this.#close();
    return key === "Escape";
  }

  #recall(by: number): void {
    if (this.#at === this.#history.length) this.#draft = this.text.value;
    this.#at = Math.min(this.#history.length, Math.max(0, this.#at + by));
    this.set(this.#history[this.#at] ?? this.#draft);
  }

  #offer(): void {
    const caret = this.text.selectionStart;
    this.#completion = caret === this.text.selectionEnd ? complete(this.#catalog, this.text.value, caret) : null;
    this.#chosen = 0;
    this.#paint();
  }

  #accept(index: number): void {
    const completion = this.#completion;
    const option = completion?.options[index];
    if (!completion || option === undefined) return;
    this.text.setRangeText(option.text, completion.from, completion.to, "end");
    this.#close();
  }

  #close(): void {
    this.#completion = null;
    this.#paint();
  }

  #paint(): void {
    const options = this.#completion?.options ?? [];
    this.#list.hidden = options.length === 0;
    this.text.setAttribute("aria-activedescendant", options.length > 0 ? `sql-option-${this.#chosen}` : "");
    this.#list.replaceChildren(
      ...options.map((option, index) => {
        const chosen = index === this.#chosen;
        const item = h("li", { id: `sql-option-${index}`, role: "option", "aria-selected": String(chosen) });
        item.append(h("b", {}, option.text), h("i", { class: option.kind }, option.kind), h("span", {}, option.comment));
        item.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          this.#accept(index);
        });
        return item;
      }),
    );
    this.#list.children[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }
}
