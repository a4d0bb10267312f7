"""The results of a sweep, kept in a real Cassandra node by the command, and asked for in the program's SQL."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import silverbullet as sb
from cluster import Cluster
from engine import FIRST, PACKAGE, Engine, running_engine
from kept import Kept, running_node
from node import Node
from service import PROJECT
from silverbullet.jobs import kept as place
from silverbullet.jobs.window import find
from silverbullet.spark.engine import Address
from tables import bits

ASSETS = ["XRP", "BTC", "ETH"]
BARS = 60
WINDOW = 50
PORTFOLIOS = 2 * sb.BLOCK
JOB = PROJECT / "spark-jobs" / "frontier.py"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("kept")) as one:
        yield one


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a full window."""
    with running_engine(tmp_path_factory.mktemp("engine"), ASSETS, BARS, WINDOW) as one:
        yield one


def test_a_sweep_comes_back_by_sql_beside_the_rows_of_the_engine(
    engine: Engine, cluster: Cluster, node: Node, tmp_path: Path
) -> None:
    kept, bar = Kept(node, "sweeps"), FIRST + BARS
    own = ["--endpoint", engine.url, "--seed", "7", "--bar", str(bar), "--tasks", "2", "--portfolios", str(PORTFOLIOS)]
    # The engine's own rows of that bar are there already.
    theirs = engine.rows(f"select * from portfolios where bar = {bar}")
    assert "monte-carlo" in theirs["method"].to_pylist()
    kept.tables.write("portfolios", theirs)
    settings = ["--conf", f"spark.executorEnv.PYTHONPATH={PACKAGE}"]
    for _ in range(2):
        output = f"cassandra://{node.address}/{kept.keyspace}"
        done = cluster.script("bin/spark-submit.sh", *settings, str(JOB), *own, "--output", output, PYTHONPATH=str(PACKAGE))
        assert done.returncode == 0, done.stdout + done.stderr
    (query,) = re.findall(r"results are in Cassandra: (.+)", done.stdout + done.stderr)
    ask = kept.program(tmp_path).sql
    found = ask(f"{query} order by objective")
    window = find(Address(engine.url).engine(), bar=bar)
    wanted = sb.monte_carlo(window.moments(engine.rows(window.sql()).to_batches()), portfolios=PORTFOLIOS, first=0, seed=7).finish()
    # Once, though the job ran twice.
    by_objective = sorted(wanted.portfolios, key=lambda one: one.objective)
    assert [(row["objective"], bits(row["risk"]), row["weights"]) for row in found] == [
        (one.objective, bits(one.risk), one.by_asset) for one in by_objective
    ]
    variant = found[0]["variant"]
    assert re.fullmatch(rf"{window.variant}-frontier-[0-9a-f]{{8}}", variant)
    risks = ask(f"select risk from cassandra.frontiers where universe = 'main' and variant = '{variant}' order by point")
    assert [bits(row["risk"]) for row in risks] == [bits(risk) for risk in wanted.frontier.risk.tolist()]
    runs = ask("select kind, variant, ended is not null as whole from cassandra.runs")
    assert runs == 2 * [{"kind": "frontier", "variant": variant, "whole": True}]
    rest = ask(f"select count(*) as n from cassandra.portfolios where universe = 'main' and variant = '{window.variant}'")
    assert rest == [{"n": theirs.num_rows}]


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("cassandra://127.0.0.1:1/sweeps", "error: no node of Cassandra answers at 127.0.0.1:1"),
        ("cassandra://NODE/nowhere", "error: Cassandra has no keyspace nowhere; make it by `silverbullet store init`"),
    ],
)
def test_a_place_that_cannot_be_is_told_before_anything_is_drawn(
    cluster: Cluster, engine: Engine, node: Node, output: str, says: str
) -> None:
    own = ["--endpoint", engine.url, "--portfolios", "1000", "--output", output.replace("NODE", node.address)]
    done = cluster.script("bin/spark-submit.sh", str(JOB), *own, PYTHONPATH=str(PACKAGE))
    assert done.returncode == 1 and says in done.stdout + done.stderr and "portfolios of" not in done.stdout + done.stderr


def test_what_decides_the_rows_decides_the_variant() -> None:
    window = '"window": {"universe": "main", "variant": "v", "bar": 1, "as_of": 1, "length": 50}'

    def variant(configuration: str, seed: int = 0) -> str:
        return place.variant_of({"kind": "frontier", "variant": "v", "seed": seed, "configuration": configuration})

    first = variant(f'{{"portfolios": 10, "tasks": 2, {window}}}')
    assert first == variant(f'{{"portfolios": 10, "tasks": 8, {window.replace(": 1,", ": 2,")}}}')
    others = {
        variant(f'{{"portfolios": 11, "tasks": 2, {window}}}'),
        variant(f'{{"portfolios": 10, "tasks": 2, {window}}}', seed=1),
        variant(f'{{"portfolios": 10, "tasks": 2, {window.replace("50", "51")}}}'),
    }
    assert len(others | {first}) == 4
