/** Recent events: gaps, reconnections, quarantined input, fallbacks; newest first. */
import { events } from "../api/rest";
import type { EventInfo } from "../api/types";
import { h } from "../core/dom";
import { count, parseTime, timeOfDay } from "../core/format";
import type { Model } from "../model";
import { pane } from "./pane";

const LOOK = 4000;
const MOST = 100;

export class EventsPane {
  readonly root: HTMLElement;
  readonly #model: Model;
  readonly #note: HTMLElement;
  readonly #list = h("ol", { class: "events scroll", tabindex: "0", "aria-label": "Recent events" });
  #shown = "";

  constructor(model: Model) {
    this.#model = model;
    const { root, body, note } = pane("events", "Events");
    this.root = root;
    this.#note = note;
    body.append(this.#list);
    model.on("reset", () => void this.#look());
    setInterval(() => {
      if (!document.hidden && model.connection.state === "live") void this.#look();
    }, LOOK);
  }

  async #look(): Promise<void> {
    const hello = this.#model.hello;
    if (hello === null) return;
    try {
      const found = await events(hello.universe);
      if (hello === this.#model.hello) this.#show(found.slice(-MOST).reverse());
    } catch {
      // Asked again soon; what is shown stays.
    }
  }

  #show(rows: readonly EventInfo[]): void {
    const key = JSON.stringify(rows);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#note.textContent = rows.length === 0 ? "" : `${count(rows.length)} newest`;
    const items = rows.map((event) =>
      h(
        "li",
        { "data-kind": event.kind },
        h("time", {}, timeOfDay(parseTime(event.as_of))),
        h("span", { class: `kind ${/^[a-z-]+$/.test(event.kind) ? event.kind : ""}` }, event.kind),
        h("span", { class: "detail", title: event.detail }, event.detail),
        h("span", { class: "dim" }, `${event.source} ${event.partition}:${event.offset}`),
      ),
    );
    this.#list.replaceChildren(...(items.length > 0 ? items : [h("li", { class: "dim none" }, "Nothing has happened.")]));
  }
}
