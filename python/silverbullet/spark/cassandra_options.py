"""The options of a read or a write of Cassandra, checked before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from silverbullet import cassandra
from silverbullet.spark.errors import OptionError
from silverbullet.spark.options import number, one_of

#: Settings of the connection. They have the names that the program has under `store.cassandra`.
SETTINGS = (
    "nodes", "keyspace", "user", "data_centre", "consistency", "concurrency", "batch_rows", "batch_bytes", "connect_timeout",
    "request_timeout", "retries", "retry_pause",
)  # fmt: skip
#: Of them those of encryption: files, at the same place on every machine.
TLS = ("ca", "certificate", "key")
#: What a read is told besides.
OF_READS = ("columns", "universe", "variant", "run_id", "partitions", "pushdown")
KNOWN = ("table", "path", *SETTINGS, *(f"tls_{name}" for name in TLS), *OF_READS)
#: A task costs Spark 30 to 100 ms, whatever it does: few and long ones.
PARTITIONS = 4
MOST_PARTITIONS = 1024
PASSWORD = "SILVERBULLET_STORE__CASSANDRA__PASSWORD"


@dataclass(frozen=True)
class Options:
    """What a read or a write was told. See docs/spark.md for what each means."""

    table: str
    #: With the password. It goes to the tasks with them and is in no plan, page or log of Spark.
    settings: cassandra.Settings
    columns: tuple[str, ...] | None
    #: Columns of the key and the value that they must have.
    key: tuple[tuple[str, str], ...]
    partitions: int
    pushdown: bool
    #: Names of those that were given.
    given: frozenset[str]

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Options:
        """Reads and checks them."""
        options = {key.lower(): value for key, value in given.items()}
        if "password" in options:
            raise OptionError(
                "the option `password` would be in plans and logs of Spark: set it on the driver in the environment, as "
                f"{PASSWORD}"
            )
        if unknown := sorted(set(options) - set(KNOWN)):
            raise OptionError(f"there is no option `{unknown[0]}`; there are {', '.join(KNOWN)}")
        table = options.get("table", options.get("path"))
        if table is None:
            raise OptionError(f"name the table by the option `table`; there are {', '.join(cassandra.TABLES)}")
        if table not in cassandra.TABLES:
            raise OptionError(f"there is no table {table!r}; there are {', '.join(cassandra.TABLES)}")
        columns = options.get("columns")
        return cls(
            table=table,
            settings=_settings(options),
            columns=tuple(name.strip() for name in columns.split(",")) if columns is not None else None,
            key=tuple(_key(table, options)),
            partitions=number(options, "partitions", PARTITIONS, MOST_PARTITIONS),
            # Spark 4.2 keeps what was pushed with the DataFrame, and takes it for a later query of the same one that pushes nothing:
            # rows would be missing without a word. Who makes a DataFrame for each query may switch it on.
            pushdown=bool(one_of(options, "pushdown", {"true": True, "false": False}, False)),
            given=frozenset(options),
        )

    def check_for_writing(self) -> None:
        """Options that mean something to reads only are mistakes."""
        if unknown := sorted(self.given & set(OF_READS)):
            raise OptionError(f"the option `{unknown[0]}` is for reading; a write takes all rows of the DataFrame")


def _settings(options: Mapping[str, str]) -> cassandra.Settings:
    given: dict[str, object] = {name: options[name] for name in SETTINGS if name in options}
    files = {name: options[f"tls_{name}"] for name in TLS if f"tls_{name}" in options}
    return cassandra.Settings(**given, tls=files or None)  # type: ignore[arg-type]


def _key(table: str, options: Mapping[str, str]) -> list[tuple[str, str]]:
    partition = cassandra.partition(table)
    for name in ("universe", "variant", "run_id"):
        if name in options and name not in partition:
            raise OptionError(
                f"the option `{name}` is not a part of the key of {table}, which is {', '.join(partition)}: say it by `where`"
            )
    return [(name, options[name]) for name in partition if name in options]
