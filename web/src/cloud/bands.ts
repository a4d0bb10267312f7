/**
 * The newest resampled frontier that a job has stored: how far the frontier depends on the sample. Asked for now and then,
 * because jobs end rarely; nothing is shown where there is none.
 */
import { literal, sql } from "../api/rest";
import type { SqlRow } from "../api/types";
import type { Model } from "../model";

/** Milliseconds between two looks. */
const LOOK = 20_000;
/** More points than a job is likely to store for a bar. */
const MOST = 1000;

/** Where there are frontiers. */
const SCHEMAS = "SELECT table_schema FROM information_schema.tables WHERE table_name = 'frontiers'";

/** Means at each rank of the frontier, with their 5th and 95th percentile; figures per bar. */
export interface Bands {
  readonly bar: number;
  /** The close of the window's last bar. */
  readonly asOf: string;
  readonly risk: Float64Array;
  readonly mean: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** The variant of the newest job's rows. */
export function jobQuery(schema: string, universe: string): string {
  return `SELECT variant FROM ${schema}.runs WHERE kind = 'resampled-frontier' AND universe = ${literal(universe)} ORDER BY started DESC LIMIT 1`;
}

/** Its rows, the newest bar first. */
export function bandsQuery(schema: string, universe: string, variant: string): string {
  return (
    `SELECT bar, as_of, point, risk, mean, mean_low, mean_high FROM ${schema}.frontiers WHERE universe = ${literal(universe)} ` +
    `AND variant = ${literal(variant)} AND method = 'resampled' ORDER BY bar DESC, point LIMIT ${MOST}`
  );
}

/** The points of the newest bar; null where there are fewer than two with all their numbers. */
export function newestBands(rows: readonly SqlRow[]): Bands | null {
  const bar = rows[0]?.["bar"];
  const names = ["risk", "mean", "mean_low", "mean_high"] as const;
  const points = rows
    .filter((row) => row["bar"] === bar && names.every((name) => typeof row[name] === "number"))
    .sort((a, b) => Number(a["point"]) - Number(b["point"]));
  if (typeof bar !== "number" || points.length < 2) return null;
  const [risk, mean, low, high] = names.map((name) => Float64Array.from(points, (row) => Number(row[name])));
  if (risk === undefined || mean === undefined || low === undefined || high === undefined) return null;
  return { bar, asOf: String(points[0]?.["as_of"]), risk, mean, low, high };
}

/** Looks for them as long as the page is seen. */
export function followBands(model: Model): void {
  let schema: string | null = null;
  const look = async (): Promise<void> => {
    const universe = model.hello?.universe;
    if (universe === undefined) return;
    try {
      // Jobs write where several machines can: into Cassandra, where there is one. Plain tables have the rows of engines only.
      schema ??= (await sql(SCHEMAS, MOST)).rows.some((row) => row["table_schema"] === "cassandra") ? "cassandra" : "history";
      const variant = (await sql(jobQuery(schema, universe), 1)).rows[0]?.["variant"];
      if (typeof variant !== "string") return;
      const found = newestBands((await sql(bandsQuery(schema, universe, variant), MOST)).rows);
      if (model.hello?.universe === universe) model.setBands(found);
    } catch {
      // The tables are away, or busy: what is shown stays until the next look.
    }
  };
  model.on("reset", () => {
    model.setBands(null);
    void look();
  });
  setInterval(() => {
    if (!document.hidden && model.connection.state === "live") void look();
  }, LOOK);
}
