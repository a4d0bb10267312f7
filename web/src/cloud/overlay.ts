/** Over the points: axes, frontier, marks and names, on a 2D canvas. */
import { ticks, type Range } from "../core/scale";
import { percent, percentDigits } from "../core/format";
import type { Size } from "../core/surface";
import type { CanvasColours } from "../core/theme";
import type { Bands } from "./bands";
import type { Mark } from "./marks";
import type { Symbols } from "./symbols";
import { x, y, type View } from "./view";

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** Factors that turn figures per bar into those shown. */
export interface Units {
  readonly mean: number;
  readonly risk: number;
  /** What the axes are in, e.g. "per year". */
  readonly name: string;
}

/** What stands there before the first message. */
export function drawWaiting(context: CanvasRenderingContext2D, size: Size, colours: CanvasColours): void {
  context.font = FONT;
  context.fillStyle = colours.dim;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText("waiting for data", size.width / 2, size.height / 2);
}

export function drawAxes(context: CanvasRenderingContext2D, view: View, colours: CanvasColours, units: Units): void {
  context.font = FONT;
  context.lineWidth = 1;
  context.strokeStyle = colours.grid;
  context.fillStyle = colours.dim;
  const right = view.width - view.right;
  const bottom = view.height - view.bottom;
  context.textBaseline = "top";
  context.textAlign = "center";
  const risk = shown(view.risk, units.risk, Math.max(2, Math.floor((right - view.left) / 90)));
  context.beginPath();
  for (const { value, label } of risk) {
    const place = Math.round(x(view, value)) + 0.5;
    line(context, place, view.top, place, bottom);
    if (place > view.left + 8 && place < right - 12) context.fillText(label, place, bottom + 6);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  const mean = shown(view.mean, units.mean, Math.max(2, Math.floor((bottom - view.top) / 48)));
  for (const { value, label } of mean) {
    const place = Math.round(y(view, value)) + 0.5;
    line(context, view.left, place, right, place);
    if (place > view.top + 4 && place < bottom - 2) context.fillText(label, view.left - 7, place);
  }
  context.stroke();
  zero(context, view, colours);
  context.textAlign = "right";
  context.textBaseline = "alphabetic";
  context.fillText(`risk ${units.name} →`, right, bottom - 6);
  context.textAlign = "left";
  context.fillText(`↑ mean ${units.name}`, view.left + 6, view.top + 10);
}

/** The line of no return, where it is in view. */
function zero(context: CanvasRenderingContext2D, view: View, colours: CanvasColours): void {
  if (view.mean.low >= 0 || view.mean.high <= 0) return;
  context.strokeStyle = colours.dim;
  context.globalAlpha = 0.5;
  context.setLineDash([2, 4]);
  context.beginPath();
  const place = Math.round(y(view, 0)) + 0.5;
  line(context, view.left, place, view.width - view.right, place);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function line(context: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
}

/** Ticks round in the units shown, as values per bar with their labels. */
function shown(range: Range, factor: number, most: number): { value: number; label: string }[] {
  const values = ticks({ low: range.low * factor, high: range.high * factor }, most);
  const step = values.length > 1 ? Math.abs((values[1] ?? 0) - (values[0] ?? 0)) : Math.abs(values[0] ?? 1);
  const digits = Math.max(0, percentDigits(step) - 2);
  return values.map((value) => ({ value: value / factor, label: percent(value, digits) }));
}

export function drawFrontier(
  context: CanvasRenderingContext2D,
  view: View,
  colours: CanvasColours,
  frontier: { risk: Float64Array; mean: Float64Array },
): void {
  context.lineJoin = "bevel";
  context.strokeStyle = colours.frontier;
  context.lineWidth = 2;
  context.beginPath();
  for (const [index, risk] of frontier.risk.entries()) {
    context.lineTo(x(view, risk), y(view, frontier.mean[index] ?? Number.NaN));
  }
  context.stroke();
}

/** Where a resampled frontier's means lie in nine of ten bootstraps, and their average. */
export function drawBands(context: CanvasRenderingContext2D, view: View, colours: CanvasColours, bands: Bands): void {
  const path = (means: Float64Array, backwards = false): void => {
    const order = [...bands.risk.keys()];
    for (const index of backwards ? order.reverse() : order) {
      context.lineTo(x(view, bands.risk[index] ?? Number.NaN), y(view, means[index] ?? Number.NaN));
    }
  };
  context.fillStyle = colours.first;
  context.globalAlpha = 0.16;
  context.beginPath();
  path(bands.high);
  path(bands.low, true);
  context.closePath();
  context.fill();
  context.globalAlpha = 0.9;
  context.strokeStyle = colours.first;
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.beginPath();
  path(bands.mean);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

export function drawMarks(
  context: CanvasRenderingContext2D,
  view: View,
  colours: CanvasColours,
  marks: readonly Mark[],
  chosen: Mark | null,
  symbols: Symbols,
): void {
  context.font = FONT;
  context.textBaseline = "middle";
  const taken: Box[] = [];
  for (const mark of marks) {
    symbols.draw(context, mark, x(view, mark.risk), y(view, mark.mean), isSame(mark, chosen) ? 1.4 : 1);
  }
  // Names come in the order of how much they matter; one that would cover another's is left out.
  const rank = (mark: Mark): number => (isSame(mark, chosen) ? 0 : ["exact", "monte-carlo", "asset"].indexOf(mark.kind) + 1);
  for (const mark of [...marks].sort((a, b) => rank(a) - rank(b))) {
    name(context, view, colours, mark, taken, isSame(mark, chosen));
  }
}

export function isSame(mark: Mark, other: Mark | null): boolean {
  return other !== null && mark.kind === other.kind && mark.name === other.name;
}

type Box = readonly [left: number, top: number, right: number, bottom: number];

function name(
  context: CanvasRenderingContext2D,
  view: View,
  colours: CanvasColours,
  mark: Mark,
  taken: Box[],
  chosen: boolean,
): void {
  const [cx, cy] = [x(view, mark.risk), y(view, mark.mean)];
  const width = context.measureText(mark.name).width;
  const gap = 10;
  const places: [number, number][] = [
    [cx + gap, cy],
    [cx - gap - width, cy],
    [cx - width / 2, cy - 15],
    [cx - width / 2, cy + 15],
  ];
  // Portfolios often lie on each other: their names make a list beside them.
  if (mark.kind !== "asset") for (const dy of [-15, 15, -30, 30]) places.push([cx + gap, cy + dy]);
  const fits = ([left, middle]: [number, number]): boolean => {
    const box: Box = [left - 3, middle - 7, left + width + 3, middle + 7];
    if (box[0] < view.left || box[2] > view.width - 2 || box[1] < view.top || box[3] > view.height - view.bottom) return false;
    return taken.every((other) => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
  };
  const place = places.find(fits) ?? (chosen ? places[0] : undefined);
  if (place === undefined) return;
  const [left, middle] = place;
  taken.push([left - 3, middle - 7, left + width + 3, middle + 7]);
  context.textAlign = "left";
  // A ground of its own keeps the name readable; outlined text would cost more than all the rest.
  context.globalAlpha = 0.7;
  context.fillStyle = colours.surface;
  context.fillRect(left - 2, middle - 7, width + 4, 14);
  context.globalAlpha = 1;
  context.fillStyle = mark.kind === "asset" && !chosen ? colours.dim : colours.text;
  context.fillText(mark.name, left, middle);
}
