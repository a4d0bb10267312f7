import { describe, expect, it } from "vitest";
import { Series } from "../src/core/series";
import { PriceSeries } from "../src/panes/price-series";
import { mergeWeights, storedWeights, weightsQuery } from "../src/panes/weights-series";

describe("Series", () => {
  it("keeps the newest rows in order, however many come", () => {
    const series = new Series(1, 5);
    for (let time = 1; time <= 123; time += 1) {
      expect(series.push(time, [time * 10])).toBe(true);
      const first = Math.max(1, time - 4);
      const expected = Array.from({ length: time - first + 1 }, (_, index) => first + index);
      expect([...series.column(0)]).toEqual(expected);
      expect([...series.column(1)]).toEqual(expected.map((value) => value * 10));
    }
    expect(series.length).toBe(5);
  });

  it("leaves out what is not later, and writes over the newest", () => {
    const series = new Series(2, 3);
    series.push(5, [1, 2]);
    expect(series.push(5, [9, 9])).toBe(false);
    expect(series.push(4, [9, 9])).toBe(false);
    series.replaceLast(6, [3]);
    expect([...series.column(0)]).toEqual([6]);
    expect(series.column(2)[0]).toBeNaN();
    series.clear();
    expect(series.length).toBe(0);
    expect(series.push(1, [0, 0])).toBe(true);
  });
});

describe("PriceSeries", () => {
  const bar = (number: number, asset: string, close: number): { bar: number; asset: string; close_time: number; close: number } => ({
    bar: number,
    asset,
    close_time: number * 1e9,
    close,
  });

  it("groups bars, carries prices forward, and shows changes since the first price", () => {
    const series = new PriceSeries(["A", "B"], 10);
    series.load([bar(1, "A", 100), bar(2, "A", 110), bar(2, "B", 50), bar(3, "B", 40)]);
    expect(series.relative()[0]).toEqual([1, 2, 3]);
    const [, a, b] = series.relative();
    expect(a?.map((value) => value?.toFixed(3))).toEqual(["0.000", "0.100", "0.100"]);
    expect(b?.[0]).toBeNull();
    expect(b?.[2]).toBeCloseTo(-0.2, 12);
    expect(series.base(1)).toBe(50);
  });

  it("replaces the open bar until it closes", () => {
    const series = new PriceSeries(["A"], 10);
    series.live(1, [10]);
    series.live(2, [11]);
    expect(series.length).toBe(1);
    series.close();
    series.live(3, [12]);
    expect(series.relative()[0]).toEqual([2, 3]);
  });
});

describe("weights through time", () => {
  const at = (...times: number[]): { time: number; row: number[] }[] => times.map((time) => ({ time, row: [time] }));
  const times = (rows: readonly { time: number }[]): number[] => rows.map(({ time }) => time);

  it("asks for the running variant up to now", () => {
    const query = weightsQuery({ universe: "u", variant: "v'w", objective: "max-sharpe", method: "exact" }, 1_500.25, 600);
    expect(query).toContain("universe = 'u' AND variant = 'v''w' AND objective = 'max-sharpe' AND method = 'exact'");
    expect(query).toContain("as_of <= to_timestamp_micros(1500250) ORDER BY bar DESC LIMIT 600");
  });

  it("puts stored rows, newest first, before the live ones that are later", () => {
    expect(times(mergeWeights(at(3, 2, 1), at(2.5, 3, 4, 5), 5))).toEqual([1, 2, 3, 4, 5]);
    expect(times(mergeWeights([], at(4, 5), 5))).toEqual([4, 5]);
  });

  it("keeps live rows whatever is stored of a time that has not come yet", () => {
    expect(times(mergeWeights(at(9, 8, 2, 1), at(3, 4), 4))).toEqual([1, 2, 3, 4]);
    expect(times(mergeWeights(at(9, 8), at(3, 4), 4))).toEqual([3, 4]);
  });

  it("puts weights in the order of the assets", () => {
    const row = { as_of: "2025-05-12T00:00:01.5Z", weights: { B: 0.25, A: 0.75 } };
    expect(storedWeights(row, ["A", "B", "C"])).toEqual({ time: Date.UTC(2025, 4, 12, 0, 0, 1, 500) / 1000, row: [0.75, 0.25, 0] });
  });
});
