/** The keys, in an overlay; and what they do. */
import { h } from "../core/dom";

export interface Key {
  readonly keys: readonly string[];
  readonly text: string;
  readonly act?: () => void;
}

/** An overlay that lists `keys`; a dialog keeps the focus inside and closes with Escape. */
export class Help {
  readonly root = h("dialog", { class: "help", "aria-labelledby": "help-title", "data-testid": "help" });

  constructor(keys: readonly Key[]) {
    const list = h("dl");
    for (const { keys: names, text } of keys) {
      list.append(h("dt", {}, ...names.flatMap((name, index) => [...(index > 0 ? [" "] : []), h("kbd", {}, name)])));
      list.append(h("dd", {}, text));
    }
    const close = h("button", { type: "submit" }, "Close");
    this.root.append(
      h("h2", { id: "help-title" }, "Keys"),
      list,
      h("p", { class: "dim" }, "Means, risks and Sharpe ratios are per bar unless the axes say otherwise."),
      h("form", { method: "dialog" }, close),
    );
    this.root.addEventListener("click", (event) => {
      if (event.target === this.root) this.root.close();
    });
  }

  toggle(): void {
    if (this.root.open) this.root.close();
    else this.root.showModal();
  }
}

/** Acts on single keys, unless somebody is typing. */
export function listen(keys: readonly Key[]): void {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.target;
    if (target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]")) return;
    const key = keys.find((candidate) => candidate.act !== undefined && candidate.keys.includes(event.key));
    if (key?.act === undefined) return;
    event.preventDefault();
    key.act();
  });
}
