/** Where risk and mean lie on the canvas, in CSS pixels. */
import type { Range } from "../core/scale";

export interface View {
  readonly width: number;
  readonly height: number;
  /** Device pixels per CSS pixel. */
  readonly density: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly risk: Range;
  readonly mean: Range;
}

export function x(view: View, risk: number): number {
  const part = (risk - view.risk.low) / (view.risk.high - view.risk.low);
  return view.left + part * (view.width - view.left - view.right);
}

export function y(view: View, mean: number): number {
  const part = (mean - view.mean.low) / (view.mean.high - view.mean.low);
  return view.height - view.bottom - part * (view.height - view.top - view.bottom);
}
