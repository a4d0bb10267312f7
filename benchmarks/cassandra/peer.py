"""The Python driver as its guide has it: a command a line, one line of JSON for each. `run.py` starts it.

    peer.py PORT
"""

import itertools
import json
import math
import sys
import time
from datetime import UTC, datetime

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import BatchStatement, BatchType

KEYSPACE = "silverbullet_bench"
ASSETS, PORTFOLIOS, BATCH, CONCURRENCY = 16, 10, 64, 100
# Bars of a partition, as the tables' comments say.
WIDTH = {"bars": 4_096, "portfolios": 1_024}
COLUMNS = {
    "bars": "bucket universe variant bar asset open_time close_time close_time_utc open high low close volume ticks run_id",
    "portfolios": "bucket universe variant bar objective method as_of as_of_utc run_id mean risk sharpe gap turnover label "
    "weights weights_order",
}
NAMES = [f"ASSET{asset:03}" for asset in reversed(range(ASSETS))]
ORDER = b"".join(asset.to_bytes(2) for asset in reversed(range(ASSETS)))


def row(table: str, number: int) -> tuple:
    each = ASSETS if table == "bars" else PORTFOLIOS
    bar = 1_750_000_000 + number // each
    micros, value = bar * 1_000_000, math.sqrt(number)
    key = (bar // WIDTH[table], "universe", "variant", bar)
    time_of = datetime.fromtimestamp(bar, UTC)
    run = "20260601T120000Z-1a2b3c"
    if table == "bars":
        return (*key, NAMES[number % each], micros, micros, time_of, *[value] * 5, number, run)
    weights = {name: 1.0 / (1 + number + at) for at, name in enumerate(NAMES)}
    of_row = (f"objective-{number % each}", "method", micros, time_of, run)
    return (*key, *of_row, *[value] * 5, "label", weights, ORDER)


def write(session, statement, how: str, rows: list[tuple]) -> float:
    begun = time.perf_counter()
    if how == "concurrent":
        execute_concurrent_with_args(session, statement, rows, concurrency=CONCURRENCY)
        return time.perf_counter() - begun
    waiting = []
    for _, partition in itertools.groupby(rows, key=lambda row: row[0]):
        partition = list(partition)
        for first in range(0, len(partition), BATCH):
            batch = BatchStatement(batch_type=BatchType.UNLOGGED)
            for values in partition[first : first + BATCH]:
                batch.add(statement, values)
            waiting.append(session.execute_async(batch))
            if len(waiting) >= CONCURRENCY:
                waiting.pop(0).result()
    for answer in waiting:
        answer.result()
    return time.perf_counter() - begun


def read(session, table: str, most: int) -> tuple[int, float]:
    begun = time.perf_counter()
    # Paged, as the driver does by itself.
    rows = sum(1 for _ in itertools.islice(session.execute(f"SELECT * FROM {KEYSPACE}.{table}", timeout=None), most))
    return rows, time.perf_counter() - begun


def main() -> None:
    local = TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc="datacenter1"))
    profile = ExecutionProfile(load_balancing_policy=local, request_timeout=60)
    cluster = Cluster(
        ["127.0.0.1"],
        port=int(sys.argv[1]),
        auth_provider=PlainTextAuthProvider("silverbullet", "silverbullet"),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        protocol_version=5,
    )
    session = cluster.connect()
    session.default_fetch_size = 5_000
    statements = {
        table: session.prepare(
            f"INSERT INTO {KEYSPACE}.{table} ({', '.join(columns.split())}) "
            f"VALUES ({', '.join('?' * len(columns.split()))})"
        )
        for table, columns in COLUMNS.items()
    }
    for line in sys.stdin:
        command, how, table, *numbers = line.split()
        if command == "write":
            first, count = map(int, numbers)
            made = [row(table, number) for number in range(first, first + count)]
            rows, took = count, write(session, statements[table], how, made)
        else:
            rows, took = read(session, table, int(numbers[0]))
        print(json.dumps({"rows": rows, "rows_per_s": rows / took}), flush=True)
    cluster.shutdown()


main()
