import { describe, expect, it } from "vitest";
import { ease, extent, niceStep, padded, settle, ticks } from "../src/core/scale";

describe("ticks", () => {
  it("are round and inside the range", () => {
    expect(niceStep(1, 5)).toBeCloseTo(0.2, 12);
    expect(niceStep(7e-5, 5)).toBeCloseTo(2e-5, 16);
    expect(ticks({ low: -0.3, high: 1.05 }, 5).map((tick) => tick.toFixed(1))).toEqual(["0.0", "0.5", "1.0"]);
    expect(niceStep(Number.NaN, 5)).toBe(1);
  });
});

describe("settle", () => {
  it("stands still while data breathes inside, and moves when it leaves or shrinks", () => {
    const start = settle(null, { low: 0, high: 1 });
    expect(start).toEqual(padded({ low: 0, high: 1 }));
    expect(settle(start, { low: 0.05, high: 0.98 })).toBe(start);
    expect(settle(start, { low: 0.05, high: 1.2 }).high).toBeGreaterThan(1.2);
    expect(settle(start, { low: 0.4, high: 0.6 }).high).toBeLessThan(0.7);
  });

  it("has room for a single value", () => {
    const { low, high } = settle(null, { low: 2, high: 2 });
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
  });
});

describe("ease", () => {
  it("goes towards its goal and arrives", () => {
    const goal = { low: 1, high: 2 };
    const first = ease({ low: 0, high: 1 }, goal, 33);
    expect(first.low).toBeGreaterThan(0);
    expect(first.low).toBeLessThan(1);
    let at = first;
    for (let step = 0; step < 100 && at !== goal; step += 1) at = ease(at, goal, 33);
    expect(at).toBe(goal);
  });
});

describe("extent", () => {
  it("passes over what is not finite", () => {
    expect(extent([Number.NaN, 2, Number.POSITIVE_INFINITY], [-1])).toEqual({ low: -1, high: 2 });
    expect(extent([Number.NaN], [])).toBeNull();
  });
});
