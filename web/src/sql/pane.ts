/** The SQL box: query, examples, catalog, result. */
import { catalog as fetchCatalog, sql } from "../api/rest";
import type { SqlAnswer } from "../api/types";
import { button, h, setText } from "../core/dom";
import { count } from "../core/format";
import type { Model } from "../model";
import { pane } from "../panes/pane";
import { CatalogList } from "./catalog";
import { download, toCsv } from "./csv";
import { Editor } from "./editor";
import { examples } from "./examples";
import { Grid } from "./grid";

/** Rows asked for at most. */
const LIMIT = 10_000;

export class SqlPane {
  readonly root: HTMLElement;
  readonly #model: Model;
  readonly #editor: Editor;
  readonly #grid = new Grid();
  readonly #status = h("p", { class: "sql-status", role: "status", "data-testid": "sql-status" });
  readonly #error = h("p", { class: "sql-error", role: "alert", "data-testid": "sql-error", hidden: true });
  readonly #export = button("Export CSV", "Save the result as CSV", () => {
    if (this.#answer !== null) download("silverbullet.csv", toCsv(this.#answer.columns, this.#answer.rows));
  });
  readonly #run = button("Run", "Run the query (Ctrl+Enter)", () => {
    this.#editor.run();
  });
  readonly #examples = h("div", { class: "examples", role: "group", "aria-label": "Example queries" });
  readonly #catalog: CatalogList;
  #answer: SqlAnswer | null = null;
  #abort: AbortController | null = null;
  #loaded = false;

  constructor(model: Model) {
    this.#model = model;
    const { root, body, tools } = pane("sql", "SQL");
    this.root = root;
    this.#editor = new Editor("SELECT * FROM portfolios ORDER BY bar DESC LIMIT 100", (query) => void this.#ask(query));
    this.#catalog = new CatalogList((text) => {
      this.#editor.insert(text);
    });
    this.#run.classList.add("primary");
    this.#run.dataset["testid"] = "sql-run";
    this.#export.disabled = true;
    this.#grid.root.hidden = true;
    tools.append(this.#examples);
    const actions = h("div", { class: "sql-actions" }, this.#run, this.#export, this.#status);
    body.append(h("div", { class: "sql-main" }, this.#editor.root, actions, this.#error, this.#grid.root), this.#catalog.root);
    model.on("connection", ({ state }) => {
      if (state === "live" && !this.#loaded) void this.#loadCatalog();
    });
    model.on("reset", () => {
      this.#showExamples();
      void this.#loadCatalog();
    });
  }

  focus(): void {
    this.#editor.text.focus();
    this.root.scrollIntoView({ block: "nearest" });
  }

  #showExamples(): void {
    const hello = this.#model.hello;
    if (hello === null) return;
    this.#examples.replaceChildren(
      ...examples(hello.universe, hello.variant).map(([name, query]) =>
        button(name, `Run the example “${name}”`, () => {
          this.#editor.set(query);
          this.#editor.run();
        }),
      ),
    );
  }

  async #loadCatalog(): Promise<void> {
    try {
      const catalog = await fetchCatalog();
      this.#loaded = true;
      this.#editor.setCatalog(catalog);
      this.#catalog.show(catalog);
    } catch (error) {
      this.#catalog.note(`The catalog could not be loaded: ${message(error)}`);
    }
  }

  async #ask(query: string): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.root.setAttribute("aria-busy", "true");
    setText(this.#status, "running …");
    this.#error.hidden = true;
    try {
      const answer = await sql(query, LIMIT, abort.signal);
      if (!abort.signal.aborted) this.#show(answer);
    } catch (error) {
      if (!abort.signal.aborted) this.#fail(message(error));
    }
    if (this.#abort === abort) this.root.removeAttribute("aria-busy");
  }

  #show(answer: SqlAnswer): void {
    this.#answer = answer;
    this.#export.disabled = answer.columns.length === 0;
    this.#grid.show(answer);
    const cut = answer.truncated ? ` · only the first ${count(answer.row_count)} are shown` : "";
    setText(this.#status, `${count(answer.row_count)} rows · ${answer.elapsed_ms.toFixed(1)} ms${cut}`);
    this.#status.classList.toggle("warn", answer.truncated);
    this.#status.dataset["rows"] = String(answer.row_count);
  }

  #fail(text: string): void {
    this.#answer = null;
    this.#export.disabled = true;
    this.#grid.show(null);
    setText(this.#status, "");
    setText(this.#error, text);
    this.#error.hidden = false;
  }
}

function message(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return "The server took too long to answer.";
  if (error instanceof TypeError) return "The server could not be reached.";
  return error instanceof Error ? error.message : String(error);
}
