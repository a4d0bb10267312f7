"""Writes recorded trades and quotes as one CSV file, repeated with later times until it has as many rows as asked for.

    python benchmarks/live/csv_of_ticks.py FOLDER OUTPUT [ROWS]

FOLDER holds ticks_trades_btc_eth_20240808.parquet and ticks_bbo_btc_eth_20240808.parquet. A quote's price is the middle
between bid and ask; a trade carries its size. Columns: timestamp,asset,price,bid,ask,size.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq


def unified(folder: Path) -> pa.Table:
    """Trades and quotes in order of time, as columns of the CSV file."""
    trades = pq.read_table(folder / "ticks_trades_btc_eth_20240808.parquet")
    quotes = pq.read_table(folder / "ticks_bbo_btc_eth_20240808.parquet")
    return pa.concat_tables([of_trades(trades), of_quotes(quotes)]).sort_by("timestamp")


def of_trades(table: pa.Table) -> pa.Table:
    """Trades have a size, and no quote."""
    nothing = pa.nulls(len(table), pa.float64())
    return pa.table(
        {
            "timestamp": table["local_ts_ns"],
            "asset": table["symbol"],
            "price": table["price"],
            "bid": nothing,
            "ask": nothing,
            "size": table["qty"],
        }
    )


def of_quotes(table: pa.Table) -> pa.Table:
    """A quote's price lies in the middle."""
    bid, ask = table["bid"], table["ask"]
    return pa.table(
        {
            "timestamp": table["local_ts_ns"],
            "asset": table["symbol"],
            "price": pc.divide(pc.add(bid, ask), 2.0),
            "bid": bid,
            "ask": ask,
            "size": pa.nulls(len(table), pa.float64()),
        }
    )


def main(folder: Path, output: Path, rows: int) -> None:
    """Writes the file."""
    once = unified(folder)
    span = pc.max(once["timestamp"]).as_py() - pc.min(once["timestamp"]).as_py() + 1_000_000_000
    options = pyarrow.csv.WriteOptions(quoting_style="none")
    written = 0
    output.parent.mkdir(parents=True, exist_ok=True)
    with pyarrow.csv.CSVWriter(output, once.schema, write_options=options) as writer:
        while written < rows:
            later = pc.add(once["timestamp"], span * (written // len(once)))
            part = once.set_column(0, "timestamp", later).slice(0, rows - written)
            writer.write_table(part)
            written += len(part)
    print(f"{written} rows in {output}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) == 4 else 3_000_000)
