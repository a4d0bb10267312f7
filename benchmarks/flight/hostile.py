"""Shows what hostile clients of Flight do to a run: its memory, its engine and whom it still answers.

    hostile.py FLIGHT_BENCH DIRECTORY [--connections N] [--garbage MIB] [--rate N]

FLIGHT_BENCH is the built example; DIRECTORY has the rows that `bench_sql DIRECTORY --prepare` writes. Ends with 1 where it ends, takes more than
LIMIT MiB beyond what it had, or does not answer afterwards.
"""

import argparse
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.flight as flight
from crowd import latency, started

LIMIT = 1_024
ROWS = "select value from generate_series(1, 1000000000000)"
BIG = "select value, value * 0.5 as half from generate_series(1, 4000000)"


def memory(pid: int) -> float:
    """MiB that a process has in memory."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def crowd(host: str, port: int, count: int) -> str:
    """So many connections at once, that say nothing."""
    connections = []
    for _ in range(count):
        try:
            connections.append(socket.create_connection((host, port), timeout=5))
        except OSError:
            break
    made = len(connections)
    open_ones = 0
    for connection in connections:
        connection.setblocking(False)
        try:
            open_ones += connection.recv(1) != b""
        except BlockingIOError:
            open_ones += 1
        except OSError:
            pass
    for connection in connections:
        connection.close()
    return f"{made:,} connections made, {open_ones:,} of them kept"


def garbage(host: str, port: int, mib: int) -> str:
    """So much of what is no HTTP, over as many connections as it takes."""
    piece, sent, connections = b"\xa5" * (1 << 16), 0, 0
    while sent < mib << 20:
        connections += 1
        with socket.create_connection((host, port), timeout=5) as connection:
            try:
                while sent < mib << 20:
                    sent += connection.send(piece)
            except OSError:
                sent += 1
    return f"{sent >> 20:,} MiB over {connections:,} connections"


def too_many_rows(address: str) -> str:
    """10^12 rows."""
    client = flight.connect(address)
    try:
        client.get_flight_info(flight.FlightDescriptor.for_command(ROWS.encode()))
    except pyarrow.ArrowException as error:
        return f"{type(error).__name__}: {str(error)[:140]}"
    finally:
        client.close()
    sys.exit("hostile: 10^12 rows were answered")


def standing_readers(address: str, count: int) -> str:
    """Readers that begin and then neither read nor go, and readers that go in the middle."""
    clients = [flight.connect(address) for _ in range(count)]
    info = clients[0].get_flight_info(flight.FlightDescriptor.for_command(BIG.encode()))
    readers = [client.do_get(info.endpoints[0].ticket) for client in clients]
    for reader in readers:
        reader.read_chunk()
    time.sleep(5)
    for reader in readers[::2]:
        reader.cancel()
    for client in clients:
        client.close()
    return f"{count} readers of {info.total_bytes >> 20} MiB stood still for 5 s and went"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--garbage", type=int, default=1_024)
    parser.add_argument("--rate", type=int, default=20_000)
    arguments = parser.parse_args()
    with started(arguments.program, arguments.directory, arguments.rate) as (run, page, address):
        attack_all(run, page, address, arguments)


def attack_all(run: subprocess.Popen, page: str, address: str, arguments: argparse.Namespace) -> None:
    """One attack after the other, and what each leaves behind."""
    host, port = address.removeprefix("grpc://").split(":")
    time.sleep(5)
    attacks: dict[str, Callable[[], str]] = {
        "nothing": lambda: time.sleep(5) or "",
        "connections": lambda: crowd(host, int(port), arguments.connections),
        "garbage": lambda: garbage(host, int(port), arguments.garbage),
        "rows": lambda: too_many_rows(address),
        "readers": lambda: standing_readers(address, 32),
    }
    before = memory(run.pid)
    for name, attack in attacks.items():
        began = time.monotonic()
        told = attack()
        if run.poll() is not None:
            sys.exit(f"hostile: the run has ended with {run.returncode} after {name}")
        now, engine = memory(run.pid), latency(page)
        took = time.monotonic() - began
        print(f"  {name:<12} {took:5.1f} s, {now:5.0f} MiB, p99 {engine['0.99']:.0f} µs since the start; {told}", flush=True)
        if now > before + LIMIT:
            sys.exit(f"hostile: {now - before:.0f} MiB more than before after {name}")
    client = flight.connect(address)
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"select count(*) as rows from portfolios"))
    rows = client.do_get(info.endpoints[0].ticket).read_all()["rows"][0].as_py()
    print(f"  afterwards   {rows:,} portfolios are counted")


if __name__ == "__main__":
    main()
