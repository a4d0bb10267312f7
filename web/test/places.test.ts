import { describe, expect, it } from "vitest";
import { places } from "../src/panes/places";

const data = { name: "data", reason: null, pending_rows: 0, commits: 12, retries: 0 };

describe("places", () => {
  it("tell what waits for each and why", () => {
    const away = { name: "Cassandra", reason: "no node answers", pending_rows: 1234, commits: 3, retries: 2 };
    expect(places({ status: "failing", reason: "no node answers", places: [data, away] })).toBe(
      "data: 0 rows wait, 12 commits\nCassandra: no node answers; 1,234 rows wait, 3 commits, 2 tried again",
    );
  });

  it("are the reason alone where there are none", () => {
    expect(places({ status: "full", reason: "no space left" })).toBe("no space left");
    expect(places({ status: "ok" })).toBe("");
  });
});
