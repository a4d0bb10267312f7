"""A ring of three: one node may die at any moment without anything lost or refused."""

import threading
from pathlib import Path

from cassandra import ConsistencyLevel
from cassandra.concurrent import execute_concurrent_with_args

from node import ADDRESSES, kill, session

ROWS = 3_000


def test_quorum_reads_and_writes_go_on_when_a_node_is_killed(ring: Path, ring_port: int) -> None:
    with session(ring_port, ADDRESSES) as cql:
        replication = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}"
        cql.execute(f"CREATE KEYSPACE copies WITH replication = {replication}")
        cql.execute("CREATE TABLE copies.rows (id int PRIMARY KEY)")
        insert = cql.prepare("INSERT INTO copies.rows (id) VALUES (?)")
        insert.consistency_level = ConsistencyLevel.QUORUM
        insert.is_idempotent = True
        killer = threading.Timer(0.5, kill, [ring / "3"])
        killer.start()
        written = []
        while killer.is_alive() or len(written) < ROWS:
            rows = [(len(written) + i,) for i in range(300)]
            answers = execute_concurrent_with_args(cql, insert, rows, concurrency=100, raise_on_first_error=False)
            # What was under way to the node that died may be refused; asked again, it must not be.
            failed = [row for row, answer in zip(rows, answers, strict=True) if not answer.success]
            execute_concurrent_with_args(cql, insert, failed, concurrency=100)
            written += [row[0] for row in rows]
    # A new login too: who may log in is known to each node.
    with session(ring_port, ADDRESSES[:1]) as cql:
        assert len(cql.cluster.metadata.all_hosts()) == 3
        select = cql.prepare("SELECT id FROM copies.rows")
        select.consistency_level = ConsistencyLevel.QUORUM
        there = sorted(row.id for row in cql.execute(select))
    assert there == written and len(there) >= ROWS


def test_each_node_keeps_the_roles(ring: Path, ring_port: int) -> None:
    with session(ring_port, ADDRESSES[:2]) as cql:
        row = cql.execute("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'system_auth'").one()
    assert row.replication["datacenter1"] == "3"
