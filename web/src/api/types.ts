/** What the server says, as documented in its OpenAPI document. Means and risks are per bar. */

export interface UniverseInfo {
  readonly universe: string;
  readonly variant: string;
  readonly source: string;
  readonly phase: string;
  readonly assets: readonly string[];
  readonly interval_ns: number;
  readonly window: number;
  readonly estimator: string;
  readonly population: number;
  readonly risk_free: number;
}

export interface Hello {
  readonly type: "hello";
  readonly universe: string;
  readonly variant: string;
  readonly assets: readonly string[];
  readonly interval_ns: number;
  readonly window: number;
  readonly population: number;
  readonly version: string;
  readonly run_id: string;
}

export interface Stage {
  readonly stage: string;
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly "p99.9": number;
  readonly max: number;
}

export interface StorePlace {
  readonly name: string;
  readonly reason: string | null;
  readonly pending_rows: number;
  readonly commits: number;
  readonly retries: number;
}

export interface StoreState {
  readonly status: string;
  readonly reason?: string | null;
  readonly pending_rows?: number;
  readonly places?: readonly StorePlace[];
}

export interface EngineState {
  readonly type: "state";
  readonly phase: string;
  readonly source: string;
  readonly ticks: number;
  readonly ticks_per_second: number;
  readonly publications: number;
  readonly publications_per_second: number;
  readonly bars: number;
  readonly stored_bars: number;
  readonly quarantined: number;
  readonly last_input_age_ms: number | null;
  readonly latency: readonly Stage[];
  readonly store: StoreState | null;
}

export interface AssetInfo {
  readonly asset: string;
  readonly price: number | null;
  readonly mean: number | null;
  readonly volatility: number | null;
  readonly last_tick: string | null;
  readonly stale: boolean;
  readonly eligible: boolean;
}

export interface BarRow {
  readonly bar: number;
  readonly asset: string;
  readonly close_time: string | number;
  readonly close: number;
}

export interface EventInfo {
  readonly source: string;
  readonly partition: number;
  readonly offset: number;
  readonly kind: string;
  readonly as_of: string | number;
  readonly detail: string;
}

export interface SqlColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable?: boolean;
  readonly comment?: string | null;
}

export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlAnswer {
  readonly columns: readonly SqlColumn[];
  readonly rows: readonly SqlRow[];
  readonly row_count: number;
  readonly truncated: boolean;
  readonly elapsed_ms: number;
}

export interface CatalogTable {
  readonly name: string;
  readonly comment?: string | null;
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly unit?: string | null;
    readonly comment?: string | null;
  }[];
}

export interface Catalog {
  readonly tables: readonly CatalogTable[];
  readonly functions: readonly { readonly name: string; readonly signature: string; readonly comment?: string | null }[];
}

/** One of the portfolios of a publication. */
export interface Portfolio {
  readonly objective: string;
  readonly method: string;
  readonly mean: number | null;
  readonly risk: number | null;
  readonly sharpe: number | null;
  readonly gap: number | null;
  readonly label: string;
  /** The bar whose close it answers; null where it answers this very moment. */
  readonly bar: number | null;
  /** By asset, in universe order. */
  readonly weights: ReadonlyMap<string, number>;
}
