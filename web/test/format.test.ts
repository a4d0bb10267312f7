import { describe, expect, it } from "vitest";
import * as format from "../src/core/format";
import { staleAfter } from "../src/panes/stale";

describe("numbers", () => {
  it("shows percent", () => {
    expect(format.percent(0.1234)).toBe("12.34 %");
    expect(format.percent(-0.00001)).toBe("0.00 %");
    expect(format.signedPercent(0.012)).toBe("+1.20 %");
    expect(format.signedPercent(-0.012)).toBe("−1.20 %");
    expect(format.signedPercent(1e-9)).toBe("0.00 %");
    expect(format.percentSignificant(5.664e-5)).toBe("0.00566 %");
    expect(format.percentSignificant(-133.39912)).toBe("−13\u202f340 %");
    expect(format.percent(null)).toBe("–");
    expect(format.percent(Number.NaN)).toBe("–");
  });

  it("shows prices with six significant digits, never with exponents", () => {
    expect(format.price(104_567.891)).toBe("104\u202f567.89");
    expect(format.price(0.0000123456)).toBe("0.00001235");
    expect(format.price(1896.7)).toBe("1\u202f896.70");
  });

  it("shows counts, rates and ratios", () => {
    expect(format.count(1_234_567)).toBe("1\u202f234\u202f567");
    expect(format.count(12_345_678)).toBe("12.3 M");
    expect(format.rate(12.34)).toBe("12.3");
    expect(format.ratio(0.32984)).toBe("0.3298");
    expect(format.ratio(-3.14159)).toBe("−3.14");
  });
});

describe("times", () => {
  it("shows latencies in the unit that fits", () => {
    expect(format.nanoseconds(400)).toBe("400 ns");
    expect(format.nanoseconds(21_500)).toBe("21.5 µs");
    expect(format.nanoseconds(1_234_000)).toBe("1.23 ms");
    expect(format.nanoseconds(2e9)).toBe("2.00 s");
  });

  it("shows ages", () => {
    expect(format.age(240)).toBe("0.2 s");
    expect(format.age(12_900)).toBe("12 s");
    expect(format.age(180_000)).toBe("3 min");
    expect(format.age(9_000_000)).toBe("2.5 h");
  });

  it("reads ISO 8601 with nanoseconds and nanoseconds since 1970", () => {
    expect(format.parseTime("2025-05-12T00:00:00.123456789Z")).toBe(Date.UTC(2025, 4, 12, 0, 0, 0, 123));
    expect(format.parseTime(1_747_008_000_000_000_000)).toBe(1_747_008_000_000);
    expect(format.parseTime("1747008000000000000")).toBe(1_747_008_000_000);
    expect(format.parseTime(null)).toBeNaN();
  });

  it("calls prices stale after three bars, at least five seconds", () => {
    expect(staleAfter(1e9)).toBe(5000);
    expect(staleAfter(60e9)).toBe(180_000);
  });
});
