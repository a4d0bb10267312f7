/**
 * Points drawn by the processor, where there is no graphics processor (or only one made of software, which is
 * slower): round, with soft edges, blended pixel by pixel into a picture that is then shown at once.
 */
import { rampAt } from "../core/colour";
import { softwareContext } from "../core/software";
import type { PointLayer, PointStyle } from "./points";
import { x, y, type View } from "./view";

/** Colours of the ramp told apart. */
const SHADES = 64;
/** Places within a pixel that a point's middle is rounded to, along each axis. */
const PLACES = 4;

/** What a point covers around the pixel its middle lies in: columns, rows and opacities 0..1. */
interface Stamp {
  readonly dx: Int8Array;
  readonly dy: Int8Array;
  readonly cover: Float32Array;
}

export function canvasLayer(canvas: HTMLCanvasElement): PointLayer | null {
  const context = softwareContext(canvas);
  if (context === null) return null;
  let [risk, mean]: [Float32Array, Float32Array] = [new Float32Array(), new Float32Array()];
  let picture: ImageData | null = null;
  let stamps: { readonly key: string; readonly all: readonly Stamp[] } = { key: "", all: [] };
  return {
    upload(risks, means) {
      [risk, mean] = [risks, means];
    },
    draw(view, style) {
      const { width, height } = canvas;
      if (picture?.width !== width || picture.height !== height) picture = context.createImageData(width, height);
      else picture.data.fill(0);
      const key = `${style.size * view.density} ${style.alpha}`;
      if (key !== stamps.key) stamps = { key, all: stampsOf(style.size * view.density, style.alpha) };
      paint(picture, stamps.all, view, style, risk, mean);
      context.putImageData(picture, 0, 0);
    },
  };
}

function paint(
  picture: ImageData,
  stamps: readonly Stamp[],
  view: View,
  style: PointStyle,
  risk: Float32Array,
  mean: Float32Array,
): void {
  const ramp = shades(style);
  const span = Math.max(style.high - style.low, 1e-20);
  for (let index = 0; index < risk.length; index += 1) {
    const [atRisk, atMean] = [risk[index] ?? Number.NaN, mean[index] ?? Number.NaN];
    const [px, py] = [x(view, atRisk) * view.density, y(view, atMean) * view.density];
    // Also where one of them is no number.
    if (!(px >= 0 && py >= 0 && px < picture.width && py < picture.height)) continue;
    const ratio = (atMean - style.riskFree) / Math.max(atRisk, 1e-20);
    const part = Math.min(1, Math.max(0, (ratio - style.low) / span));
    const [column, row] = [Math.floor(px), Math.floor(py)];
    const place = Math.floor((py - row) * PLACES) * PLACES + Math.floor((px - column) * PLACES);
    const stamp = stamps[place];
    if (stamp !== undefined) press(picture, stamp, column, row, ramp, 3 * Math.round(part * (SHADES - 1)));
  }
}

/** Lays one point over what is there; `at` is where its colour stands in `ramp`. */
function press(picture: ImageData, stamp: Stamp, column: number, row: number, ramp: Uint8Array, at: number): void {
  const { data, width, height } = picture;
  const { dx, dy, cover } = stamp;
  for (let index = 0; index < cover.length; index += 1) {
    const [px, py] = [column + (dx[index] ?? 0), row + (dy[index] ?? 0)];
    if (px < 0 || py < 0 || px >= width || py >= height) continue;
    const pixel = 4 * (py * width + px);
    // Colours stand in a picture as they are, not multiplied by their opacity.
    const over = cover[index] ?? 0;
    const under = ((data[pixel + 3] ?? 0) / 255) * (1 - over);
    const opacity = over + under;
    const share = over / opacity;
    for (let channel = 0; channel < 3; channel += 1) {
      const before = data[pixel + channel] ?? 0;
      data[pixel + channel] = before + ((ramp[at + channel] ?? 0) - before) * share;
    }
    data[pixel + 3] = 255 * opacity;
  }
}

/** The ramp as bytes, three a shade. */
function shades(style: PointStyle): Uint8Array {
  const bytes = new Uint8Array(3 * SHADES);
  for (let shade = 0; shade < SHADES; shade += 1) {
    const colour = rampAt(style.ramp, shade / (SHADES - 1));
    for (const [channel, value] of colour.entries()) bytes[3 * shade + channel] = Math.round(255 * value);
  }
  return bytes;
}

/** One stamp for each place within a pixel, row by row, of a disc of `diameter` pixels. */
function stampsOf(diameter: number, alpha: number): Stamp[] {
  const reach = Math.ceil(diameter / 2 + 0.5);
  return Array.from({ length: PLACES ** 2 }, (_, place) => {
    const [left, top] = [(place % PLACES) + 0.5, Math.floor(place / PLACES) + 0.5].map((part) => part / PLACES);
    const cells: [number, number, number][] = [];
    for (let dy = -reach; dy <= reach; dy += 1) {
      for (let dx = -reach; dx <= reach; dx += 1) {
        const off = Math.hypot(dx + 0.5 - (left ?? 0), dy + 0.5 - (top ?? 0));
        const cover = Math.min(1, Math.max(0, diameter / 2 - off + 0.5)) * alpha;
        if (cover > 0.01) cells.push([dx, dy, cover]);
      }
    }
    return {
      dx: Int8Array.from(cells, ([dx]) => dx),
      dy: Int8Array.from(cells, ([, dy]) => dy),
      cover: Float32Array.from(cells, ([, , cover]) => cover),
    };
  });
}
