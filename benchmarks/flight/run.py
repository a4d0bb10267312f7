"""Measures Flight beside a server of pyarrow with the same batches, and queries over Flight SQL. In turns, in one run.

    run.py FLIGHT_BENCH DIRECTORY [--pairs N] [--rows N] [--queries N]

FLIGHT_BENCH is the built example; DIRECTORY has the rows that `bench_sql DIRECTORY --prepare` writes. Figures go to
DIRECTORY/flight.json. Ends with 1 where rows are missing.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.flight as flight
from streams import PLAIN, read_all

STREAMS = (1, 4)
NEWEST = "select * from portfolios order by bar desc limit 4"
# The columns of `bars`, as many rows as asked for.
BARS = """select 'crypto' as universe, '0a1b2c3d4e5f' as variant, value / 4 as bar,
    case value % 4 when 0 then 'BTC' when 1 then 'ETH' when 2 then 'SOL' else 'XRP' end as asset,
    arrow_cast(value - 1, 'Timestamp(Microsecond, Some("UTC"))') as open_time,
    arrow_cast(value, 'Timestamp(Microsecond, Some("UTC"))') as close_time,
    value * 0.1 as open, value * 0.3 as high, value * 0.01 as low, value * 0.2 as close, value * 7.0 as volume,
    value % 100 as ticks from generate_series(1, {rows})"""


@contextlib.contextmanager
def server(command: list[object]) -> Iterator[tuple[subprocess.Popen, str]]:
    """A server that runs until its input ends, and its address, which it says first."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip()
        if not address.startswith("grpc://"):
            sys.exit(f"bench-flight: {command[0]} has said {address!r} instead of its address")
        yield process, address
    finally:
        process.stdin.close()
        process.wait(60)


def taken(address: str, tickets: list[bytes], rows: int) -> float:
    """Seconds to read all of the tickets, and all of the rows."""
    seconds, count = read_all(address, tickets)
    if count != rows:
        sys.exit(f"bench-flight: {count:,} rows came, {rows:,} were there")
    return seconds


def cancel(client: flight.FlightClient, info: flight.FlightInfo) -> None:
    """Frees what was kept. The request is a message with the answer as its first field, which pyarrow has no call for."""
    body, length = info.serialize(), b""
    left = len(body)
    while left > 127:
        length, left = length + bytes([left % 128 + 128]), left // 128
    list(client.do_action(flight.Action("CancelFlightInfo", b"\x0a" + length + bytes([left]) + body)))


def compare(ours: str, peer: str, names: dict[str, str], arguments: argparse.Namespace) -> list[dict]:
    """Rows read from both in turns."""
    client = flight.connect(ours)
    results = []
    for name, command in names.items():
        for streams in STREAMS:
            asked = json.dumps({"query": command, "endpoints": streams})
            info = client.get_flight_info(flight.FlightDescriptor.for_command(asked.encode()))
            tickets = {
                ours: [endpoint.ticket.ticket for endpoint in info.endpoints],
                peer: [f"{name} {share} {streams}".encode() for share in range(streams)],
            }
            seconds: dict[str, list[float]] = {ours: [], peer: []}
            for number in range(arguments.pairs + 1):
                for address in (ours, peer) if number % 2 else (peer, ours):
                    seconds[address].append(taken(address, tickets[address], arguments.rows))
            # The first pair warms both up.
            pairs = list(zip(seconds[ours][1:], seconds[peer][1:], strict=True))
            cancel(client, info)
            result = {
                "rows": name,
                "streams": streams,
                "bytes": info.total_bytes,
                "ratio": statistics.median(theirs / mine for mine, theirs in pairs),
                "ours_gb_per_second": info.total_bytes / 1e9 / statistics.median(mine for mine, _ in pairs),
                "pyarrow_gb_per_second": info.total_bytes / 1e9 / statistics.median(theirs for _, theirs in pairs),
            }
            results.append(result)
            print(
                f"  {name:<6} {streams} streams: {result['ours_gb_per_second']:.2f} GB/s, pyarrow "
                f"{result['pyarrow_gb_per_second']:.2f} GB/s: {result['ratio']:.2f} times",
                flush=True,
            )
    client.close()
    return results


def queries(address: str, count: int) -> dict:
    """The newest portfolios of ten million rows, asked by one client."""
    client = flight.connect(address)
    times = []
    for _ in range(count + 1):
        began = time.perf_counter()
        info = client.get_flight_info(flight.FlightDescriptor.for_command(NEWEST.encode()))
        rows = client.do_get(info.endpoints[0].ticket).read_all().num_rows
        times.append((time.perf_counter() - began) * 1e3)
        if rows != 4:
            sys.exit(f"bench-flight: {rows} rows instead of 4 for {NEWEST}")
    first, *times = times
    times.sort()
    result = {"first_ms": first, "p50_ms": times[len(times) // 2], "p99_ms": times[len(times) * 99 // 100]}
    print(f"  newest of ten million rows: p50 {result['p50_ms']:.2f} ms, p99 {result['p99_ms']:.2f} ms, the first {first:.0f} ms")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("flight_bench", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--queries", type=int, default=300)
    arguments = parser.parse_args()
    names = {"plain": PLAIN.format(rows=arguments.rows), "bars": BARS.format(rows=arguments.rows)}
    peer_command = [sys.executable, str(Path(__file__).with_name("peer.py"))]
    with server([str(arguments.flight_bench), str(arguments.directory)]) as (_, ours):
        asked = queries(ours, arguments.queries)
        with server([*peer_command, ours, *(f"{name}={query}" for name, query in names.items())]) as (_, peer):
            read = compare(ours, peer, names, arguments)
    (arguments.directory / "flight.json").write_text(json.dumps({"queries": asked, "doget": read}, indent=1) + "\n")


if __name__ == "__main__":
    main()
