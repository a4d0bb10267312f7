/** What is said of the point under the pointer, or chosen by the arrow keys. */
import { h } from "../core/dom";
import { percent, percentSignificant, ratio } from "../core/format";
import type { Model } from "../model";
import type { Hit } from "./hit";
import type { Units } from "./overlay";
import { x, y, type View } from "./view";

/** Weights named; the rest is summed up. */
const MOST = 8;

export class Tooltip {
  readonly root = h("div", { class: "tooltip", role: "status", hidden: true });

  show(view: View, hit: Hit | null, units: Units, model: Model): void {
    this.root.hidden = hit === null;
    if (hit === null) return;
    const sharpe = ((hit.mean - model.riskFree) / hit.risk) * (units.mean / units.risk);
    const lines: [string, string][] = [
      ["risk", percentSignificant(hit.risk * units.risk)],
      ["mean", percentSignificant(hit.mean * units.mean)],
      ["Sharpe", ratio(sharpe)],
    ];
    const weights = [...(hit.mark?.portfolio?.weights ?? [])]
      .filter(([, weight]) => weight > 0.0005)
      .sort(([, a], [, b]) => b - a);
    const list = h("dl", {}, ...pairs(lines));
    const content = [h("strong", {}, hit.mark?.name ?? "portfolio of the population"), list];
    if (weights.length > 0) {
      const shown: [string, string][] = weights.slice(0, MOST).map(([asset, weight]) => [asset, percent(weight, 1)]);
      const rest = weights.slice(MOST).reduce((sum, [, weight]) => sum + weight, 0);
      if (rest > 0) shown.push([`${weights.length - MOST} more`, percent(rest, 1)]);
      content.push(h("dl", { class: "weights" }, ...pairs(shown)));
    }
    this.root.replaceChildren(...content);
    this.#place(view, x(view, hit.risk), y(view, hit.mean));
  }

  #place(view: View, px: number, py: number): void {
    const { offsetWidth: width, offsetHeight: height } = this.root;
    const left = px + 16 + width > view.width ? px - 16 - width : px + 16;
    const top = Math.min(Math.max(4, py - height / 2), Math.max(4, view.height - height - 4));
    this.root.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
  }
}

function pairs(lines: readonly [string, string][]): HTMLElement[] {
  return lines.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
}
