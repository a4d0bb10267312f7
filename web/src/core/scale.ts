/** Axes: round ticks, and a range that follows the data without jumping at each update. */

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The round step (1, 2 or 5 times a power of ten) that makes at most `most` steps of `span`. */
export function niceStep(span: number, most: number): number {
  if (!(span > 0) || !Number.isFinite(span) || most < 1) return 1;
  const least = span / most;
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Round values inside `range`. */
export function ticks(range: Range, most: number): number[] {
  const step = niceStep(range.high - range.low, most);
  const first = Math.ceil(range.low / step - 1e-9);
  const last = Math.floor(range.high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => (first + index) * step);
}

/** Room left on each side of the data, as a part of its span. */
const MARGIN = 0.08;
/** Data that fills less than this part of the axis brings it closer. */
const LEAST_FILL = 0.62;

/** The data with a margin, at least a little wide. */
export function padded(data: Range): Range {
  const span = data.high - data.low;
  const margin = span > 0 ? span * MARGIN : Math.max(Math.abs(data.high) * 0.1, 1e-12);
  return { low: data.low - margin, high: data.high + margin };
}

/**
 * Where an axis shall be for `data`: where it is, unless the data leaves it or has become small on it
 * (hysteresis), so that an axis stands still while its data breathes.
 */
export function settle(current: Range | null, data: Range): Range {
  if (current === null || !Number.isFinite(current.low) || !Number.isFinite(current.high)) return padded(data);
  const inside = data.low >= current.low && data.high <= current.high;
  const filled = (data.high - data.low) / (current.high - current.low);
  return inside && filled >= LEAST_FILL ? current : padded(data);
}

/** One step of an eased movement; arrives when the rest is below a thousandth of the span. */
export function ease(from: Range, to: Range, elapsed: number): Range {
  const part = 1 - Math.exp(-Math.max(0, elapsed) / 90);
  const low = from.low + (to.low - from.low) * part;
  const high = from.high + (to.high - from.high) * part;
  const span = Math.abs(to.high - to.low);
  return Math.max(Math.abs(to.low - low), Math.abs(to.high - high)) < span / 1000 ? to : { low, high };
}

/** Smallest and largest finite value of several arrays; null where there is none. */
export function extent(...arrays: ArrayLike<number>[]): Range | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const values of arrays) {
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index] ?? Number.NaN;
      if (value < low && value !== Number.NEGATIVE_INFINITY) low = value;
      if (value > high && value !== Number.POSITIVE_INFINITY) high = value;
    }
  }
  return low <= high ? { low, high } : null;
}
