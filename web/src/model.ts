/**
 * What the page knows just now. Everything is bounded: the newest message of each kind, one portfolio for
 * each objective and method, and series of fixed length.
 */
import type { Cloud, Message, Stamp } from "./api/ipc";
import type { Connection } from "./api/stream";
import type { AssetInfo, EngineState, Hello, Portfolio, UniverseInfo } from "./api/types";
import type { Bands } from "./cloud/bands";
import { Emitter } from "./core/emitter";

/** A portfolio with the publication it belongs to. */
export interface Marked extends Portfolio {
  readonly sequence: number;
  readonly asOf: number;
}

export interface Curve extends Stamp {
  readonly risk: Float64Array;
  readonly mean: Float64Array;
}

export interface AssetPoints extends Stamp {
  readonly assets: readonly string[];
  readonly mean: Float64Array;
  readonly volatility: Float64Array;
}

export interface Prices extends Stamp {
  readonly assets: readonly string[];
  readonly price: Float64Array;
}

/** More portfolios than any configuration has; one that the server makes up without end cannot fill memory. */
const MOST_PORTFOLIOS = 64;

interface Topics extends Record<string, unknown> {
  connection: Connection;
  universes: readonly UniverseInfo[];
  /** Another run or universe: everything shown before belongs to the past. */
  reset: Hello;
  state: EngineState;
  portfolios: Stamp;
  prices: Prices;
  cloud: Cloud & Stamp;
  frontier: Curve;
  bands: Bands | null;
  points: AssetPoints;
  /** A bar has closed; the value is the stamp of the first message after it. */
  bar: Stamp;
  details: readonly AssetInfo[];
}

export class Model extends Emitter<Topics> {
  connection: Connection = { state: "connecting", heard: Number.NaN };
  universes: readonly UniverseInfo[] = [];
  hello: Hello | null = null;
  state: EngineState | null = null;
  /** When `state` came, milliseconds since 1970. */
  stateAt = Number.NaN;
  cloud: (Cloud & Stamp) | null = null;
  frontier: Curve | null = null;
  bands: Bands | null = null;
  points: AssetPoints | null = null;
  prices: Prices | null = null;
  details: readonly AssetInfo[] = [];
  readonly portfolios = new Map<string, Marked>();
  /** The newest publication received. */
  stamp: Stamp | null = null;

  get info(): UniverseInfo | null {
    return this.universes.find((info) => info.universe === this.hello?.universe) ?? null;
  }

  get assets(): readonly string[] {
    return this.hello?.assets ?? [];
  }

  get riskFree(): number {
    return this.info?.risk_free ?? 0;
  }

  setConnection(connection: Connection): void {
    this.connection = connection;
    this.emit("connection", connection);
  }

  setUniverses(universes: readonly UniverseInfo[]): void {
    this.universes = universes;
    this.emit("universes", universes);
  }

  setBands(bands: Bands | null): void {
    this.bands = bands;
    this.emit("bands", bands);
  }

  setDetails(details: readonly AssetInfo[]): void {
    this.details = details;
    this.emit("details", details);
  }

  takeHello(hello: Hello): void {
    const before = this.hello;
    this.hello = hello;
    if (before?.run_id === hello.run_id && before.universe === hello.universe) return;
    this.cloud = this.frontier = this.points = this.prices = this.state = this.stamp = null;
    this.details = [];
    this.portfolios.clear();
    this.emit("reset", hello);
  }

  takeState(state: EngineState): void {
    this.state = state;
    this.stateAt = Date.now();
    this.emit("state", state);
  }

  take(message: Message): void {
    if (this.hello === null || message.universe !== this.hello.universe) return;
    switch (message.table) {
      case "live.portfolios":
        this.#takePortfolios(message, message.portfolios);
        break;
      case "live.prices":
        this.prices = message;
        this.emit("prices", message);
        break;
      case "live.cloud":
        this.cloud = message;
        this.emit("cloud", message);
        break;
      case "live.frontier":
        this.frontier = message;
        this.emit("frontier", message);
        break;
      case "live.assets":
        this.points = message;
        this.emit("points", message);
        break;
    }
  }

  #takePortfolios(stamp: Stamp, portfolios: readonly Portfolio[]): void {
    const before = this.stamp;
    this.stamp = stamp;
    for (const portfolio of portfolios) {
      const key = portfolioKey(portfolio);
      if (!this.portfolios.has(key) && this.portfolios.size >= MOST_PORTFOLIOS) continue;
      this.portfolios.set(key, { ...portfolio, sequence: stamp.sequence, asOf: stamp.asOf });
    }
    this.emit("portfolios", stamp);
    if (before !== null && stamp.bar > before.bar) this.emit("bar", stamp);
  }
}

/** Names a portfolio within a universe. */
export function portfolioKey(portfolio: { objective: string; method: string }): string {
  return `${portfolio.objective} · ${portfolio.method}`;
}
