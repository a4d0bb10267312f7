/** Prices at each closed bar, with the open bar as the last row; shown relative to the first. */
import type { BarRow } from "../api/types";
import { parseTime } from "../core/format";
import { Series } from "../core/series";

export class PriceSeries {
  readonly #assets: readonly string[];
  readonly #series: Series;
  readonly #columns: (number | null)[][];
  #base: number[] = [];
  /** Whether the newest row is a bar still open. */
  #open = false;

  constructor(assets: readonly string[], bars: number) {
    this.#assets = assets;
    this.#series = new Series(assets.length, bars);
    this.#columns = Array.from({ length: assets.length + 1 }, () => []);
  }

  get length(): number {
    return this.#series.length;
  }

  /** Time of the newest prices, seconds since 1970. */
  get lastTime(): number {
    return this.#series.lastTime;
  }

  /** Stored bars, oldest first; an asset without a bar keeps the price it had. */
  load(bars: readonly BarRow[]): void {
    this.#series.clear();
    this.#open = false;
    const place = new Map(this.#assets.map((asset, index) => [asset, index]));
    const row = new Float64Array(this.#assets.length).fill(Number.NaN);
    let [current, time] = [Number.NaN, Number.NaN];
    for (const bar of bars) {
      if (bar.bar !== current && Number.isFinite(time)) this.#series.push(time, row);
      current = bar.bar;
      time = parseTime(bar.close_time) / 1000;
      const index = place.get(bar.asset);
      if (index !== undefined) row[index] = bar.close;
    }
    if (Number.isFinite(time)) this.#series.push(time, row);
  }

  /** The newest prices, within the open bar. */
  live(time: number, prices: ArrayLike<number>): void {
    if (this.#open) this.#series.replaceLast(time, prices);
    else this.#open = this.#series.push(time, prices);
  }

  /** The open bar has closed: what was last seen of it stays. */
  close(): void {
    this.#open = false;
  }

  /** The first price known of an asset in view. */
  base(asset: number): number {
    return this.#base[asset] ?? Number.NaN;
  }

  /** Times, and for each asset its change since the start of the view; the arrays are used again. */
  relative(): [number[], ...(number | null)[][]] {
    const [times = [], ...changes] = this.#columns;
    fill(times, this.#series.column(0), (value) => value);
    this.#base = changes.map((column, asset) => {
      const prices = this.#series.column(asset + 1);
      const base = prices.find((value) => value > 0) ?? Number.NaN;
      fill(column, prices, (value) => (value > 0 ? value / base - 1 : null));
      return base;
    });
    return [times as number[], ...changes];
  }
}

function fill(target: (number | null)[], source: Float64Array, of: (value: number) => number | null): void {
  target.length = source.length;
  for (let index = 0; index < source.length; index += 1) target[index] = of(source[index] ?? Number.NaN);
}
