/** Colours worked out: one for each asset, and the ramp of the Sharpe ratio. */

export type Rgb = readonly [number, number, number];

/** OKLCH (lightness and chroma 0..1, hue in degrees) as sRGB 0..1, clipped to what a screen shows. */
export function oklch(lightness: number, chroma: number, hue: number): Rgb {
  const angle = (hue * Math.PI) / 180;
  const a = chroma * Math.cos(angle);
  const b = chroma * Math.sin(angle);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function gamma(linear: number): number {
  const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.min(1, Math.max(0, value));
}

export function css([red, green, blue]: Rgb, alpha = 1): string {
  const byte = (value: number): number => Math.round(value * 255);
  return `rgba(${byte(red)}, ${byte(green)}, ${byte(blue)}, ${alpha})`;
}

/** A colour for asset `index`: neighbours differ in hue and lightness. */
export function assetColour(index: number, dark: boolean): Rgb {
  const hue = (250 + index * 137.508) % 360;
  const step = (index % 3) * 0.055;
  return oklch((dark ? 0.68 : 0.55) + step, dark ? 0.115 : 0.13, hue);
}

const DARK_RAMP: readonly Rgb[] = [
  oklch(0.34, 0.09, 285),
  oklch(0.46, 0.12, 262),
  oklch(0.6, 0.11, 225),
  oklch(0.74, 0.13, 175),
  oklch(0.89, 0.15, 110),
];
const LIGHT_RAMP: readonly Rgb[] = [
  oklch(0.84, 0.05, 285),
  oklch(0.72, 0.1, 262),
  oklch(0.6, 0.12, 235),
  oklch(0.52, 0.11, 195),
  oklch(0.42, 0.11, 150),
];

/** The stops of the Sharpe ramp, from the smallest to the largest. */
export function sharpeRamp(dark: boolean): readonly Rgb[] {
  return dark ? DARK_RAMP : LIGHT_RAMP;
}

/** The ramp at `part` 0..1, linear between its stops. */
export function rampAt(stops: readonly Rgb[], part: number): Rgb {
  const place = Math.min(1, Math.max(0, part)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(place));
  const [from, to] = [stops[index] ?? [0, 0, 0], stops[index + 1] ?? [0, 0, 0]];
  const rest = place - index;
  return [
    from[0] + (to[0] - from[0]) * rest,
    from[1] + (to[1] - from[1]) * rest,
    from[2] + (to[2] - from[2]) * rest,
  ];
}
