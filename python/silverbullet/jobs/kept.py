"""Results of a job in Cassandra, beside those of engines.

An engine keeps rows of the same bars under the same names, drawn by its own number of portfolios and seed. So that neither takes the
other's place, the rows of a job have a variant of their own: the engine's, the job's name, and a hash of what decides them. The same
job on the same bar writes its rows again; another seed or number of portfolios writes others.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys

import pyarrow

from silverbullet import cassandra

PLACE = re.compile(r"cassandra(://(?P<nodes>[^/\s]+)(/(?P<keyspace>\w+))?)?")
#: The run comes last: where it is, the rest is there.
ORDER = ("portfolios", "frontiers", "runs")
#: Of a job's settings those that decide no row, and of its window those that are columns of each.
NOT_DECIDING = ("tasks", "window")
OF_ROWS = ("universe", "variant", "bar", "as_of")


def is_meant(place: str | None) -> bool:
    """Whether a place is Cassandra. A folder of that name is `./cassandra`."""
    return place is not None and PLACE.fullmatch(place) is not None


def check(place: str) -> None:
    """Raises what would keep results from being written, before there are any."""
    with _connect(place) as tables:
        for name in ORDER:
            tables.writing(name)


def write(place: str, found: dict[str, pyarrow.Table]) -> None:
    """Writes the rows, and says on standard error how they are asked for."""
    (run,) = found["runs"].to_pylist()
    variant = variant_of(run)
    with _connect(place) as tables:
        for name in ORDER:
            tables.write(name, _with_variant(found[name], variant))
    print(
        f"results are in Cassandra: select * from cassandra.portfolios where universe = '{run['universe']}' and "
        f"variant = '{variant}'",
        file=sys.stderr,
        flush=True,
    )


def variant_of(run: dict[str, object]) -> str:
    """The variant of the rows of a job, by its record."""
    settings = json.loads(str(run["configuration"]))
    deciding = {name: value for name, value in settings.items() if name not in NOT_DECIDING}
    deciding["window"] = {name: value for name, value in settings["window"].items() if name not in OF_ROWS}
    deciding["seed"] = run["seed"]
    digest = hashlib.blake2b(json.dumps(deciding, sort_keys=True).encode(), digest_size=4).hexdigest()
    return f"{run['variant']}-{run['kind']}-{digest}"


def _connect(place: str) -> cassandra.Cassandra:
    found = PLACE.fullmatch(place)
    assert found is not None
    return cassandra.connect(found["nodes"], keyspace=found["keyspace"])


def _with_variant(rows: pyarrow.Table, variant: str) -> pyarrow.Table:
    at = rows.schema.get_field_index("variant")
    return rows.set_column(at, rows.schema.field(at), pyarrow.array([variant] * rows.num_rows))
