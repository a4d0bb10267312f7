"""The options of a read, checked before anything is asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from silverbullet.spark.engine import Address
from silverbullet.spark.errors import OptionError

#: All options, in lower case, as Spark hands them over.
KNOWN = (
    "endpoint", "token", "authority", "table", "path", "query", "columns", "universe", "partitions", "ordered",
    "patience", "pushdown", "startingoffsets", "maxbarspertrigger",
)  # fmt: skip
#: As many as an answer of the engine can have shares.
MOST_PARTITIONS = 64
#: A task costs Spark 30 to 100 ms, whatever it does: few and long ones.
PARTITIONS = 4
#: Seconds for which an engine that is away is waited for.
PATIENCE = 30
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?")


@dataclass(frozen=True)
class Options:
    """What a read was told. See docs/spark.md for what each means."""

    address: Address
    table: str | None
    query: str | None
    columns: tuple[str, ...] | None
    universe: str | None
    partitions: int
    #: None: where it costs little.
    ordered: bool | None
    patience: int
    pushdown: bool
    latest: bool
    bars_a_trigger: int | None

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Options":
        """Reads and checks them."""
        options = {key.lower(): value for key, value in given.items()}
        if unknown := sorted(set(options) - set(KNOWN)):
            raise OptionError(f"there is no option `{unknown[0]}`; there are {', '.join(KNOWN)}")
        table, query = options.get("table", options.get("path")), options.get("query")
        if (table is None) == (query is None):
            raise OptionError("name what to read: either the option `table` or the option `query`, which is SQL")
        if table is not None and not NAME.fullmatch(table):
            raise OptionError(f"the option `table` is {table!r}, it must be a name such as portfolios or history.bars")
        if query is not None and "universe" in options:
            raise OptionError("the option `universe` goes with `table`: in a query say `where universe = …`")
        columns = options.get("columns")
        latest = one_of(options, "startingoffsets", {"earliest": False, "latest": True}, False)
        return cls(
            address=Address.of(options),
            table=table,
            query=query.strip().rstrip(";") if query is not None else None,
            columns=tuple(name.strip() for name in columns.split(",")) if columns is not None else None,
            universe=options.get("universe"),
            partitions=number(options, "partitions", PARTITIONS, MOST_PARTITIONS),
            ordered=one_of(options, "ordered", {"auto": None, "true": True, "false": False}, None),
            patience=number(options, "patience", PATIENCE, 86_400),
            # Spark 4.2 keeps what was pushed with the DataFrame, and takes it for a later query of the same one that pushes nothing:
            # rows would be missing without a word. Who makes a DataFrame for each query may switch it on.
            pushdown=bool(one_of(options, "pushdown", {"true": True, "false": False}, False)),
            latest=bool(latest),
            bars_a_trigger=number(options, "maxbarspertrigger", 0, 1_000_000_000) or None,
        )

    @property
    def what(self) -> str:
        """What is read, in words."""
        return self.table if self.table is not None else "the query"


def number(options: Mapping[str, str], name: str, default: int, most: int) -> int:
    if name not in options:
        return default
    value = options[name]
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= most:
        raise OptionError(f"the option `{name}` is {value!r}, it must be a number from 1 to {most}")
    return int(value)


def one_of(
    options: Mapping[str, str], name: str, values: Mapping[str, bool | None], default: bool | None
) -> bool | None:
    value = options.get(name)
    if value is None:
        return default
    if value.lower() not in values:
        raise OptionError(f"the option `{name}` is {value!r}, it must be one of {', '.join(values)}")
    return values[value.lower()]
