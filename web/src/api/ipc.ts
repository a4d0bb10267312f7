/** Arrow IPC messages of the stream as plain typed values. */
import { tableFromIPC, type Data, type Table, type Vector } from "apache-arrow";
import { parseTime } from "../core/format";
import type { Portfolio } from "./types";

/** What the schema's metadata says of a message. */
export interface Stamp {
  readonly universe: string;
  readonly sequence: number;
  readonly bar: number;
  /** Milliseconds since 1970. */
  readonly asOf: number;
}

export interface Cloud {
  readonly risk: Float32Array;
  readonly mean: Float32Array;
}

export type Message = Stamp &
  (
    | { readonly table: "live.portfolios"; readonly portfolios: readonly Portfolio[] }
    | { readonly table: "live.prices"; readonly assets: readonly string[]; readonly price: Float64Array }
    | ({ readonly table: "live.cloud" } & Cloud)
    | { readonly table: "live.frontier"; readonly risk: Float64Array; readonly mean: Float64Array }
    | {
        readonly table: "live.assets";
        readonly assets: readonly string[];
        readonly mean: Float64Array;
        readonly volatility: Float64Array;
      }
  );

/** Decodes one message; null for a table that this page does not know. */
export function decode(buffer: ArrayBuffer): Message | null {
  const table = tableFromIPC(new Uint8Array(buffer));
  const metadata = table.schema.metadata;
  const stamp: Stamp = {
    universe: metadata.get("universe") ?? "",
    sequence: Number(metadata.get("sequence") ?? Number.NaN),
    bar: Number(metadata.get("bar") ?? Number.NaN),
    asOf: parseTime(metadata.get("as_of")),
  };
  switch (metadata.get("table")) {
    case "live.portfolios":
      return { ...stamp, table: "live.portfolios", portfolios: portfolios(table) };
    case "live.prices":
      return { ...stamp, table: "live.prices", assets: texts(table, "asset"), price: doubles(table, "price") };
    case "live.cloud":
      return { ...stamp, table: "live.cloud", risk: floats(table, "risk"), mean: floats(table, "mean") };
    case "live.frontier":
      return { ...stamp, table: "live.frontier", risk: doubles(table, "risk"), mean: doubles(table, "mean") };
    case "live.assets":
      return {
        ...stamp,
        table: "live.assets",
        assets: texts(table, "asset"),
        mean: doubles(table, "mean"),
        volatility: doubles(table, "volatility"),
      };
    default:
      return null;
  }
}

function column(table: Table, name: string): Vector {
  const found: Vector | null = table.getChild(name);
  if (found === null) throw new Error(`The message has no column ${name}.`);
  return found;
}

function texts(table: Table, name: string): string[] {
  return Array.from(column(table, name) as Iterable<string | null>, (text) => text ?? "");
}

/** Nulls are NaN. */
function doubles(table: Table, name: string): Float64Array {
  const vector = column(table, name);
  if (vector.nullCount === 0) return vector.toArray() as Float64Array;
  return Float64Array.from(vector as Iterable<number | null>, (value) => value ?? Number.NaN);
}

function floats(table: Table, name: string): Float32Array {
  return column(table, name).toArray() as Float32Array;
}

function portfolios(table: Table): Portfolio[] {
  const text = (name: string): string[] => texts(table, name);
  const number = (name: string): (number | null)[] =>
    Array.from(column(table, name) as Iterable<number | null>, (value) =>
      value !== null && Number.isFinite(value) ? value : null,
    );
  const [objective, method, label] = [text("objective"), text("method"), text("label")];
  const [mean, risk, sharpe, gap] = [number("mean"), number("risk"), number("sharpe"), number("gap")];
  const bars = Array.from((table.getChild("bar") ?? []) as Iterable<bigint | null>, (bar) =>
    bar === null ? null : Number(bar),
  );
  const weights = maps(column(table, "weights"), table.numRows);
  return objective.map((name, row) => ({
    objective: name,
    method: method[row] ?? "",
    mean: mean[row] ?? null,
    risk: risk[row] ?? null,
    sharpe: sharpe[row] ?? null,
    gap: gap[row] ?? null,
    label: label[row] ?? "",
    bar: bars[row] ?? null,
    weights: weights[row] ?? new Map<string, number>(),
  }));
}

/** Map<Utf8, Float64> read off its buffers: one batch, so one piece of data. */
function maps(vector: Vector, rows: number): Map<string, number>[] {
  const data = vector.data[0] as Data | undefined;
  const entries = data?.children[0];
  if (data === undefined || entries === undefined) return [];
  const offsets = data.valueOffsets as Int32Array;
  const names = vector.getChildAt(0)?.getChildAt(0);
  const values = vector.getChildAt(0)?.getChildAt(1);
  return Array.from({ length: rows }, (_, row) => {
    const map = new Map<string, number>();
    for (let index = offsets[row] ?? 0; index < (offsets[row + 1] ?? 0); index += 1) {
      map.set(String(names?.get(index)), Number(values?.get(index)));
    }
    return map;
  });
}
