/** Queries to begin with. */
import { literal } from "../api/rest";

/** Queries by name, all of them about the running variant: older runs may stand beside it in the same tables. */
export function examples(universe: string, variant: string): readonly [name: string, query: string][] {
  const running = `universe = ${literal(universe)} AND variant = ${literal(variant)}`;
  return [
    ["best now", `SELECT as_of, objective, method, sharpe, mean, risk, gap\nFROM portfolios\nWHERE ${running}\nORDER BY bar DESC, objective LIMIT 50`],
    ["weights", `SELECT asset, avg(weight) AS average, min(weight) AS least, max(weight) AS most\nFROM weights\nWHERE ${running} AND objective = 'max-sharpe' AND method = 'exact'\nGROUP BY asset ORDER BY average DESC`],
    ["volatility", `SELECT asset, price, mean, volatility, stale\nFROM assets\nWHERE ${running}\nORDER BY bar DESC, volatility DESC LIMIT 100`],
    ["candles", `SELECT bar, asset, open, high, low, close, ticks\nFROM bars\nWHERE ${running}\nORDER BY bar DESC, asset LIMIT 1000`],
    ["events", `SELECT as_of, kind, detail\nFROM events\nWHERE ${running}\nORDER BY as_of DESC LIMIT 200`],
  ];
}
