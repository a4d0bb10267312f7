/** What stands out of the cloud: marked portfolios and single assets, as points with names. */
import type { Marked, Model } from "../model";

export type MarkKind = "exact" | "monte-carlo" | "asset";

export interface Mark {
  readonly kind: MarkKind;
  readonly name: string;
  readonly risk: number;
  readonly mean: number;
  /** Which asset, for its colour; -1 for a portfolio. */
  readonly index: number;
  readonly portfolio: Marked | null;
}

/** The objectives that are marked in the cloud. */
const OBJECTIVES = ["max-sharpe", "min-variance"];

/** Portfolios that are marked, in a fixed order; undefined numbers leave one out. */
export function markedPortfolios(model: Model): Marked[] {
  return [...model.portfolios.values()]
    .filter(({ objective, method }) => OBJECTIVES.includes(objective) && (method === "exact" || method === "monte-carlo"))
    .sort((a, b) => a.objective.localeCompare(b.objective) || a.method.localeCompare(b.method));
}

export function marks(model: Model): Mark[] {
  const found: Mark[] = [];
  const points = model.points;
  for (const [index, name] of (points?.assets ?? []).entries()) {
    const [risk, mean] = [points?.volatility[index] ?? Number.NaN, points?.mean[index] ?? Number.NaN];
    if (!Number.isFinite(risk) || !Number.isFinite(mean)) continue;
    found.push({ kind: "asset", name, risk, mean, index: model.assets.indexOf(name), portfolio: null });
  }
  for (const portfolio of markedPortfolios(model)) {
    const { objective, method, risk, mean } = portfolio;
    if (risk === null || mean === null) continue;
    const kind = method === "exact" ? "exact" : "monte-carlo";
    found.push({ kind, name: `${objective} ${method}`, risk, mean, index: -1, portfolio });
  }
  return found;
}
