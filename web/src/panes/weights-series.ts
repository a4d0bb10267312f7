/** Stored weights and live ones as one series. */
import { literal } from "../api/rest";
import { parseTime } from "../core/format";

/** What is asked for: one portfolio's weights of the running variant. */
export interface WhichWeights {
  readonly universe: string;
  readonly variant: string;
  readonly objective: string;
  readonly method: string;
}

/** Weights at a time, in seconds since 1970. */
export interface WeightsAt {
  readonly time: number;
  readonly row: readonly number[];
}

/**
 * Asks for the newest `limit` stored rows that are not later than `now`, milliseconds since 1970, newest first. Later
 * ones are there where an input is run again from its start.
 */
export function weightsQuery(which: WhichWeights, now: number, limit: number): string {
  return (
    `SELECT as_of, weights FROM portfolios WHERE universe = ${literal(which.universe)}` +
    ` AND variant = ${literal(which.variant)}` +
    ` AND objective = ${literal(which.objective)} AND method = ${literal(which.method)}` +
    ` AND as_of <= to_timestamp_micros(${Math.ceil(now * 1000)}) ORDER BY bar DESC LIMIT ${limit}`
  );
}

/** A stored row in the order of `assets`. */
export function storedWeights(row: Readonly<Record<string, unknown>>, assets: readonly string[]): WeightsAt {
  const weights = new Map(Object.entries((row["weights"] ?? {}) as Record<string, number>));
  return { time: parseTime(row["as_of"] as string) / 1000, row: assets.map((asset) => weights.get(asset) ?? 0) };
}

/**
 * Stored rows and the live ones behind them, oldest first. A stored row later than `now`, in seconds, says nothing about
 * what was received: it is left out, and takes no live row with it.
 */
export function mergeWeights(stored: readonly WeightsAt[], live: readonly WeightsAt[], now: number): WeightsAt[] {
  const past = stored.filter(({ time }) => time <= now).sort((one, other) => one.time - other.time);
  const newest = past.at(-1)?.time ?? Number.NEGATIVE_INFINITY;
  return [...past, ...live.filter(({ time }) => time > newest)];
}
