/**
 * The symbols of marks, drawn once and then copied: a picture costs a graphics processor made of software
 * a small part of what a circle does.
 */
import { h } from "../core/dom";
import { softwareContext } from "../core/software";
import { assetCss, colours, isDark, type CanvasColours } from "../core/theme";
import type { Mark } from "./marks";

/** Side of a symbol's square in CSS pixels. */
const CELL = 20;
/** The first two squares are those of portfolios, then one an asset. */
const FIRST_ASSET = 2;

export class Symbols {
  readonly #sheet = h("canvas");
  readonly #software: boolean;
  #key = "";

  /** `software`: they are copied to a canvas of that kind; both should be of the same. */
  constructor(software: boolean) {
    this.#software = software;
  }

  /** Draws the symbols anew where theme, density or number of assets differ. */
  prepare(assets: number, density: number): void {
    const key = `${assets} ${density} ${isDark()}`;
    if (key === this.#key) return;
    this.#key = key;
    this.#sheet.width = CELL * density * (assets + FIRST_ASSET);
    this.#sheet.height = CELL * density;
    const context = this.#software ? softwareContext(this.#sheet) : this.#sheet.getContext("2d");
    if (context === null) return;
    context.scale(density, density);
    diamond(context, CELL / 2, colours());
    ring(context, CELL * 1.5, colours());
    for (let asset = 0; asset < assets; asset += 1) {
      disc(context, CELL * (asset + FIRST_ASSET + 0.5), assetCss(asset), colours().surface);
    }
  }

  draw(context: CanvasRenderingContext2D, mark: Mark, x: number, y: number, grown: number): void {
    const cell = mark.kind === "exact" ? 0 : mark.kind === "monte-carlo" ? 1 : FIRST_ASSET + Math.max(0, mark.index);
    const [pixels, size] = [this.#sheet.height, CELL * grown];
    context.drawImage(this.#sheet, cell * pixels, 0, pixels, pixels, x - size / 2, y - size / 2, size, size);
  }
}

function diamond(context: CanvasRenderingContext2D, x: number, { exact, surface }: CanvasColours): void {
  const [y, size] = [CELL / 2, 6.5];
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  context.fillStyle = exact;
  context.fill();
  context.strokeStyle = surface;
  context.lineWidth = 1.5;
  context.stroke();
}

function ring(context: CanvasRenderingContext2D, x: number, { monteCarlo, surface }: CanvasColours): void {
  context.beginPath();
  context.arc(x, CELL / 2, 4.6, 0, 2 * Math.PI);
  for (const [stroke, width] of [[surface, 4], [monteCarlo, 2]] as const) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.stroke();
  }
}

function disc(context: CanvasRenderingContext2D, x: number, fill: string, edge: string): void {
  context.beginPath();
  context.arc(x, CELL / 2, 3.8, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  context.strokeStyle = edge;
  context.lineWidth = 1.5;
  context.stroke();
}
