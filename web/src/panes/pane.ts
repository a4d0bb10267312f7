/** The frame of every pane: a titled region with tools at its right and a body. */
import { h } from "../core/dom";

export interface Pane {
  readonly root: HTMLElement;
  readonly tools: HTMLElement;
  readonly body: HTMLElement;
  readonly note: HTMLElement;
}

/** `id` is the stable name: `data-testid`, grid area and heading's id. */
export function pane(id: string, title: string): Pane {
  const note = h("span", { class: "pane-note" });
  const tools = h("div", { class: "pane-tools" });
  const heading = h("h2", { id: `${id}-title` }, title);
  const body = h("div", { class: "pane-body" });
  const root = h(
    "section",
    { class: `pane pane-${id}`, "data-testid": id, "aria-labelledby": `${id}-title` },
    h("header", { class: "pane-head" }, heading, note, tools),
    body,
  );
  return { root, tools, body, note };
}

/** A group of buttons of which one is pressed. */
export class Choice {
  readonly root: HTMLElement;
  readonly #onChoose: (key: string) => void;
  #keys = "";
  #chosen = "";

  constructor(label: string, onChoose: (key: string) => void) {
    this.root = h("div", { class: "choice", role: "group", "aria-label": label });
    this.#onChoose = onChoose;
  }

  /** Shows `options` (key and text) with `chosen` pressed; rebuilt only where something differs. */
  show(options: readonly (readonly [string, string])[], chosen: string): void {
    const keys = JSON.stringify(options);
    if (keys !== this.#keys) {
      this.#keys = keys;
      this.#chosen = "";
      this.root.replaceChildren(
        ...options.map(([key, text]) => {
          const element = h("button", { type: "button", "data-key": key, "aria-pressed": "false" }, text);
          element.addEventListener("click", () => {
            this.#onChoose(key);
          });
          return element;
        }),
      );
    }
    if (chosen === this.#chosen) return;
    this.#chosen = chosen;
    for (const element of this.root.children) {
      element.setAttribute("aria-pressed", String(element.getAttribute("data-key") === chosen));
    }
  }
}
