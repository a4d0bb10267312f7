import { describe, expect, it } from "vitest";
import { delay } from "../src/api/backoff";
import { literal, problemText } from "../src/api/rest";
import { complete } from "../src/sql/completion";
import { toCsv } from "../src/sql/csv";
import { examples } from "../src/sql/examples";

const catalog = {
  tables: [
    { name: "portfolios", columns: [{ name: "sharpe", type: "Float64" }, { name: "objective", type: "Utf8" }] },
    { name: "live.portfolios", columns: [{ name: "sharpe", type: "Float64" }] },
    { name: "bars", columns: [{ name: "open", type: "Float64", unit: "price" }] },
  ],
  functions: [{ name: "annualised", signature: "annualised(value, interval)" }],
};

describe("complete", () => {
  const names = (text: string): string[] => complete(catalog, text, text.length)?.options.map((option) => option.text) ?? [];

  it("offers columns of the tables named, then tables, functions and words", () => {
    expect(names("select sh")).toEqual(["sharpe"]);
    expect(complete(catalog, "select op from bars", 9)?.options[0]?.text).toBe("open");
    expect(names("select o from portfolios where o")).not.toContain("open");
    expect(names("select * from po")).toEqual(["portfolios", "live.portfolios"]);
    expect(names("select ann")).toEqual(["annualised"]);
    expect(names("sel")).toEqual(["SELECT"]);
  });

  it("says which text is replaced, and is silent within quotes and after a space", () => {
    expect(complete(catalog, "select sh", 9)).toMatchObject({ from: 7, to: 9 });
    expect(names("select 'sh")).toEqual([]);
    expect(names("select ")).toEqual([]);
    expect(complete(null, "sel", 3)?.options[0]?.text).toBe("SELECT");
  });
});

describe("examples", () => {
  it("ask for the running variant of the universe only", () => {
    for (const [name, query] of examples("o'x", "abc123")) {
      expect(query, name).toContain("universe = 'o''x' AND variant = 'abc123'");
    }
  });
});

describe("texts", () => {
  it("writes CSV with quotes where needed", () => {
    const columns = [{ name: "a", type: "Utf8" }, { name: "b,c", type: "Map" }];
    expect(toCsv(columns, [{ a: 'x"y', "b,c": { k: 1 } }, { a: null, "b,c": 2 }])).toBe('a,"b,c"\r\n"x""y","{""k"":1}"\r\n,2\r\n');
  });

  it("quotes literals and finds the text of a problem", () => {
    expect(literal("o'x")).toBe("'o''x'");
    expect(problemText('{"title":"T","detail":"D"}', "?")).toBe("D");
    expect(problemText('{"title":"T"}', "?")).toBe("T");
    expect(problemText("<html>", "500 x")).toBe("500 x");
  });
});

describe("delay", () => {
  it("doubles, has jitter, and never passes five seconds", () => {
    expect(delay(0, 1)).toBe(250);
    expect(delay(1, 1)).toBe(500);
    expect(delay(3, 0)).toBe(1000);
    for (const attempt of [5, 10, 1000]) expect(delay(attempt, 1)).toBeLessThanOrEqual(5000);
  });
});
