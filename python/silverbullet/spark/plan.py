"""From what is to be read to shares of one answer.

The engine answers at one moment and keeps the answer for some minutes. So that a share can be had again after that,
or from an engine that has started anew, a plan is *repeatable* where it can be: it names the newest bar of each
universe and variant, and an order in which no two rows are alike. What is final never changes, so the same question
has the same rows in the same order, whenever it is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow
from pyspark.sql.datasource import InputPartition

from silverbullet.spark.engine import Address, Engine
from silverbullet.spark.errors import NotThere
from silverbullet.spark.filters import quoted, text
from silverbullet.spark.options import Options

#: What a row of a bar belongs to. Tables that have all three only grow by whole bars.
OF_A_BAR = ("universe", "variant", "bar")
#: What tells rows of a bar apart, in any of the tables.
WITHIN_A_BAR = ("objective", "method", "point", "asset", "run_id")
#: Up to so many rows are put in order unasked: the engine sorts them in a fraction of a second.
SORTED_UNASKED = 1_000_000


@dataclass(frozen=True)
class Query:
    """A question to the engine."""

    #: A table's name, or SQL.
    source: str
    is_table: bool
    columns: tuple[str, ...] | None = None
    conditions: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Options, columns: Sequence[str] | None) -> "Query":
        """What the options ask for, and of it these columns."""
        named = tuple(columns) if columns is not None else None
        if options.table is None:
            return cls(str(options.query), False, named)
        conditions = (f"universe = {text(options.universe)}",) if options.universe is not None else ()
        return cls(options.table, True, named, conditions)

    def where(self, *conditions: str) -> "Query":
        """The rows for which these hold, too."""
        return replace(self, conditions=self.conditions + conditions)

    def sql(self) -> str:
        """The question as the engine takes it."""
        if not self.is_table and self.columns is None and not self.conditions:
            return self.source
        return self._select(", ".join(map(quoted, self.columns)) if self.columns is not None else "*")

    def newest(self) -> str:
        """The question how far each universe is."""
        own = "universe, variant"
        newest = self._select(f"{own}, max(bar) as bar, count(*) as rows", order=False)
        return f"{newest} group by {own} order by {own}"

    def _select(self, what: str, order: bool = True) -> str:
        # On lines of their own: a query may end with a comment.
        source = self.source if self.is_table else f"(\n{self.source}\n) as source"
        sql = f"select {what} from {source}"
        if self.conditions:
            sql += " where " + " and ".join(self.conditions)
        if order and self.order:
            sql += " order by " + ", ".join(map(quoted, self.order))
        return sql


class Share(InputPartition):
    """A partition: one endpoint of an answer, and how to have it again."""

    def __init__(
        self, address: Address, endpoint: bytes, sql: str, number: int, of: int, rows: int, repeatable: bool
    ) -> None:
        self.address = address
        self.endpoint = endpoint
        self.sql = sql
        self.number = number
        self.of = of
        #: Of the whole answer.
        self.rows = rows
        self.repeatable = repeatable


def grows_by_bars(query: Query, columns: pyarrow.Schema) -> bool:
    """Whether the table's rows belong to final bars, and stay in it."""
    own = query.is_table and not query.source.startswith("live.")
    return own and all(name in columns.names for name in OF_A_BAR)


def in_order(query: Query, columns: pyarrow.Schema) -> Query:
    """The question with an order in which no two rows are alike."""
    return replace(query, order=OF_A_BAR + tuple(name for name in WITHIN_A_BAR if name in columns.names))


def between(universe: str, variant: str, last: int, after: int | None = None) -> str:
    """The condition for bars of a universe up to the last, or after another one."""
    begin = "" if after is None else f" and bar > {after}"
    return f"(universe = {text(universe)} and variant = {text(variant)}{begin} and bar <= {last})"


def any_of(conditions: Sequence[str]) -> str:
    """One condition of several; without any, none holds."""
    return f"({' or '.join(conditions)})" if conditions else "false"


def pinned(engine: Engine, query: Query, columns: pyarrow.Schema, ordered: bool | None) -> tuple[Query, bool]:
    """The question as of now, where it can be asked again, and whether it can."""
    if ordered is False or not grows_by_bars(query, columns):
        return query, False
    newest = engine.rows(query.newest()).to_pylist()
    if ordered is None and sum(row["rows"] for row in newest) > SORTED_UNASKED:
        return query, False
    pins = [between(row["universe"], row["variant"], row["bar"]) for row in newest]
    return in_order(query.where(any_of(pins)), columns), True


def shares(address: Address, query: Query, partitions: int, repeatable: bool) -> list[Share]:
    """Has the question answered, and gives the shares of the answer."""
    sql = query.sql()
    info = address.engine().answer(sql, partitions)
    return [
        Share(address, endpoint.serialize(), sql, number, partitions, info.total_records, repeatable)
        for number, endpoint in enumerate(info.endpoints)
    ]


def check_universe(engine: Engine, options: Options) -> None:
    """A universe that is asked for by name must be there."""
    if options.universe is None:
        return
    names = engine.rows(f"select distinct universe from {options.table} order by universe")["universe"].to_pylist()
    if options.universe not in names:
        there = f"there are {', '.join(names)}" if names else "the table is empty"
        raise NotThere(f"there is no universe {options.universe!r} in {options.table} of {engine.url}; {there}")
