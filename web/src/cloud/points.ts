/** The population as coloured points: what every way of drawing them offers. */
import type { Rgb } from "../core/colour";
import type { View } from "./view";

export interface PointStyle {
  readonly ramp: readonly Rgb[];
  /** Sharpe ratios at the ends of the ramp. */
  readonly low: number;
  readonly high: number;
  readonly riskFree: number;
  /** Diameter in CSS pixels. */
  readonly size: number;
  readonly alpha: number;
}

export interface PointLayer {
  /** Takes new points; the arrays are not kept. */
  upload(risk: Float32Array, mean: Float32Array): void;
  draw(view: View, style: PointStyle): void;
}
