import { describe, expect, it } from "vitest";
import { bandsQuery, jobQuery, newestBands } from "../src/cloud/bands";

const row = (bar: number, point: number, low: number | null = 0.1): Record<string, unknown> => ({
  bar, point, as_of: "2026-06-01T12:00:00Z", risk: 0.1 * point, mean: 0.2 * point, mean_low: low, mean_high: 0.3 * point,
});

describe("newestBands", () => {
  it("takes the points of the newest bar, in the order of the frontier", () => {
    const bands = newestBands([row(7, 2), row(7, 1), row(6, 1), row(6, 2), row(6, 3)]);
    expect(bands).toMatchObject({ bar: 7, asOf: "2026-06-01T12:00:00Z" });
    expect([...(bands?.risk ?? [])]).toEqual([0.1, 0.2]);
    expect([...(bands?.low ?? [])]).toEqual([0.1, 0.1]);
    expect([...(bands?.high ?? [])]).toEqual([0.3, 0.6]);
  });

  it("shows nothing of rows without a band, or of a single point", () => {
    expect(newestBands([])).toBeNull();
    expect(newestBands([row(7, 1)])).toBeNull();
    expect(newestBands([row(7, 1, null), row(7, 2, null)])).toBeNull();
  });
});

describe("queries", () => {
  it("ask for one universe, however it is called", () => {
    expect(jobQuery("history", "o'x")).toContain("FROM history.runs WHERE kind = 'resampled-frontier' AND universe = 'o''x'");
    const query = bandsQuery("cassandra", "o'x", "abc-job");
    expect(query).toContain("FROM cassandra.frontiers WHERE universe = 'o''x' AND variant = 'abc-job' AND method = 'resampled'");
  });
});
