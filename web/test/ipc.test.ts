import {
  Field, Float32, Float64, makeVector, Map_, RecordBatch, Schema, Struct, Table, tableToIPC, Utf8, vectorFromArray, type Vector,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { decode } from "../src/api/ipc";

function message(name: string, columns: Record<string, Vector>): ArrayBuffer {
  const plain = new Table(columns);
  const metadata = new Map(Object.entries({ table: name, universe: "u", sequence: "42", bar: "7", as_of: "2025-05-12T00:00:00.5Z" }));
  const schema = new Schema(plain.schema.fields, metadata);
  const bytes = tableToIPC(new Table(schema, plain.batches.map((batch) => new RecordBatch(schema, batch.data))), "stream");
  return bytes.slice().buffer;
}

const utf8 = (values: string[]): Vector => vectorFromArray(values, new Utf8());
const doubles = (values: (number | null)[]): Vector => vectorFromArray(values, new Float64());

describe("decode", () => {
  it("reads portfolios with their weights in order, and nulls", () => {
    const entries = new Struct<{ key: Utf8; value: Float64 }>([
      new Field("key", new Utf8(), false),
      new Field("value", new Float64(), false),
    ]);
    const type = new Map_<Utf8, Float64>(new Field("entries", entries, false));
    const weights = vectorFromArray([new Map([["B", 0.1], ["A", 0.9]]), new Map([["A", 1]])], type);
    const decoded = decode(
      message("live.portfolios", {
        objective: utf8(["max-sharpe", "min-variance"]), method: utf8(["exact", "exact"]), label: utf8(["ok", "fallback: x"]),
        mean: doubles([1e-5, null]), risk: doubles([1e-4, 2e-4]), sharpe: doubles([0.1, Number.NaN]), gap: doubles([null, 0]), weights,
      }),
    );
    if (decoded?.table !== "live.portfolios") throw new Error("another table");
    expect([decoded.sequence, decoded.bar, decoded.universe, decoded.asOf]).toEqual([42, 7, "u", Date.UTC(2025, 4, 12, 0, 0, 0, 500)]);
    const [first, second] = decoded.portfolios;
    expect([...(first?.weights ?? [])]).toEqual([["B", 0.1], ["A", 0.9]]);
    expect([...(second?.weights ?? [])]).toEqual([["A", 1]]);
    expect([first?.gap, second?.mean, second?.sharpe, second?.gap]).toEqual([null, null, null, 0]);
  });

  it("reads the cloud as 32-bit numbers and prices with gaps as NaN", () => {
    const risk = makeVector(Float32Array.of(1, 2, 3));
    const cloud = decode(message("live.cloud", { risk, mean: vectorFromArray([4, 5, 6], new Float32()) }));
    if (cloud?.table !== "live.cloud") throw new Error("another table");
    expect([[...cloud.risk], [...cloud.mean]]).toEqual([[1, 2, 3], [4, 5, 6]]);
    const prices = decode(message("live.prices", { asset: utf8(["A", "B"]), price: doubles([1.5, null]) }));
    if (prices?.table !== "live.prices") throw new Error("another table");
    expect([prices.assets, prices.price[0], Number.isNaN(prices.price[1])]).toEqual([["A", "B"], 1.5, true]);
  });

  it("passes over tables it does not know and refuses what is not Arrow", () => {
    expect(decode(message("live.other", { x: doubles([1]) }))).toBeNull();
    expect(() => decode(message("live.prices", { x: doubles([1]) }))).toThrow("no column asset");
  });
});
