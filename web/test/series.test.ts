import { describe, expect, it } from "vitest";
import { Series } from "../src/core/series";
import { PriceSeries } from "../src/panes/price-series";

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
