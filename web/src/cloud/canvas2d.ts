/** Points by a 2D canvas, where there is no WebGL: squares in 16 colours, one colour after the other. */
import { css, rampAt } from "../core/colour";
import { softwareContext } from "../core/software";
import type { PointLayer } from "./points";
import { x, y } from "./view";

const SHADES = 16;

export function canvasLayer(canvas: HTMLCanvasElement): PointLayer | null {
  const context = softwareContext(canvas);
  if (context === null) return null;
  let points: [Float32Array, Float32Array] = [new Float32Array(), new Float32Array()];
  let shades = new Uint8Array();
  return {
    upload(risk, mean) {
      points = [risk, mean];
      if (shades.length !== risk.length) shades = new Uint8Array(risk.length);
    },
    draw(view, style) {
      const [risk, mean] = points;
      const span = Math.max(style.high - style.low, 1e-20);
      for (let index = 0; index < risk.length; index += 1) {
        const ratio = ((mean[index] ?? 0) - style.riskFree) / Math.max(risk[index] ?? 0, 1e-20);
        const part = Math.min(1, Math.max(0, (ratio - style.low) / span));
        shades[index] = Math.min(SHADES - 1, Math.floor(part * SHADES));
      }
      context.setTransform(view.density, 0, 0, view.density, 0, 0);
      context.clearRect(0, 0, view.width, view.height);
      const size = Math.max(1, style.size - 1);
      for (let shade = 0; shade < SHADES; shade += 1) {
        context.fillStyle = css(rampAt(style.ramp, shade / (SHADES - 1)), style.alpha);
        for (let index = 0; index < risk.length; index += 1) {
          if (shades[index] !== shade) continue;
          context.fillRect(x(view, risk[index] ?? 0) - size / 2, y(view, mean[index] ?? 0) - size / 2, size, size);
        }
      }
    },
  };
}
