"""Tables of results in Cassandra: the writer and the reader of the program, with Arrow in and out.

    from silverbullet import cassandra

    with cassandra.connect("127.0.0.1:9042") as tables:
        tables.write("portfolios", rows)
        newest = tables.newest("portfolios", "default")

Settings have the names that the program has under ``store.cassandra``; what is not given is taken from the same
variables, such as ``SILVERBULLET_STORE__CASSANDRA__NODES`` and ``SILVERBULLET_STORE__CASSANDRA__PASSWORD``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pyarrow as pa

from ._cassandra_settings import Settings
from ._errors import (
    AccessDeniedError,
    CassandraError,
    ConnectionFailedError,
    InputError,
    MissingDependencyError,
    TablesError,
)

try:
    from . import _kernel as _native
    from ._kernel import Cassandra as _Session
except ImportError as _error:
    raise MissingDependencyError(
        "silverbullet.cassandra: this build of the package has no Cassandra; build it with the feature `cassandra`, "
        "which is on by default"
    ) from _error

if TYPE_CHECKING:
    from ._kernel import CassandraRead, CassandraWrite

__all__ = [
    "TABLES",
    "AccessDeniedError",
    "Cassandra",
    "CassandraError",
    "ConnectionFailedError",
    "InputError",
    "Settings",
    "TablesError",
    "Writing",
    "Written",
    "connect",
    "key",
    "make_tables",
    "partition",
    "schema",
    "token_ranges",
]

#: Names of the tables.
TABLES: tuple[str, ...] = tuple(_native.cassandra_tables())


def connect(nodes: str | Sequence[str] | Settings | None = None, **settings: object) -> Cassandra:
    """Connects to the tables of a keyspace, which `silverbullet store init` or :func:`make_tables` has made.

    :param nodes: ``HOST:PORT``, several with commas or as a list; or all settings at once
    :param settings: ``keyspace``, ``user``, ``password``, ``data_centre``, ``tls`` (``ca``, ``certificate``, ``key``),
        ``consistency``, ``concurrency`` and whatever else stands under ``store.cassandra``
    :raises InputError: a setting that cannot work
    :raises ConnectionFailedError: no node answers
    :raises AccessDeniedError: the password is wrong, or the role may not
    :raises TablesError: there is no such keyspace, or its tables are of another version
    """
    return Cassandra(_settings(nodes, settings))


def make_tables(nodes: str | Sequence[str] | Settings | None = None, **settings: object) -> list[str]:
    """Makes keyspace and tables where they are missing, as `silverbullet store init` does; says what was done."""
    return _Session(_settings(nodes, settings).text).init()


def schema(table: str) -> pa.Schema:
    """The columns of a table; what a column means stands in its metadata."""
    return pa.record_batch(_native.cassandra_columns(table)).schema


def key(table: str) -> tuple[str, ...]:
    """The columns that tell the rows of a table apart: a row that is written again replaces itself."""
    return tuple(_native.cassandra_keys(table)[1])


def partition(table: str) -> tuple[str, ...]:
    """The columns by which rows are read without looking through the whole table: the scope first, then the variant."""
    return tuple(_native.cassandra_keys(table)[0])


def token_ranges(count: int) -> list[tuple[int, int]]:
    """The ring of tokens in so many ranges, for as many readers: together they meet every row once."""
    if not 1 <= count <= 2**20:
        raise InputError(f"count: {count} ranges are not possible; take 1 to {2**20}")
    return _native.cassandra_ranges(count)


class Written(NamedTuple):
    """What a write did."""

    #: Rows written to the table.
    rows: int
    #: Rows written once more as the newest of their universe.
    newest: int
    #: Batches sent.
    batches: int
    #: How often one was sent again.
    retries: int
    #: Roughly what the rows took in requests.
    bytes: int


class Cassandra:
    """A session. It closes at the end of a ``with`` block."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._native: _Session | None = _Session(settings.text)
        self._native.check()

    def write(self, table: str, rows: Any) -> Written:
        """Writes rows and returns when all of them are acknowledged.

        Columns are taken by name, in any order; optional ones may be left out. What is in memory is looked at as a whole
        first, and none of it is written unless all can be. A row's key decides where it goes: after an error, writing
        the same rows again is how to go on, and doubles none.

        :param rows: a table, batch or reader of pyarrow, a frame that has ``__arrow_c_stream__``, or record batches one by one
        :raises InputError: rows that the table cannot take
        :raises TablesError: a column in Cassandra that has another type
        :raises CassandraError: Cassandra refuses, or fails after repetitions
        """
        with self.writing(table) as writing:
            writing.put(rows)
            return writing.finish()

    def writing(self, table: str) -> Writing:
        """Begins a write to which rows come bit by bit."""
        return Writing(self._session().write(table))

    def read(
        self,
        table: str,
        scope: str,
        variant: str = "",
        *,
        first: int | None = None,
        last: int | None = None,
        limit: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.RecordBatchReader:
        """Rows by their key, newest first, as they come.

        :param scope: the universe; of ``runs`` and ``backtests`` the run
        :param variant: the variant; tables that are not parted by it take no notice
        :param first: the first bar, or the earliest time in microseconds since 1970
        :param last: the last bar, or the latest time
        """
        found = self._session().read(
            table, scope, variant, first=first, last=last, limit=limit, columns=_listed(table, columns)
        )
        return _reader(table, columns, found)

    def scan(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        ranges: Iterable[tuple[int, int]] | None = None,
    ) -> pa.RecordBatchReader:
        """All rows of a table, or those in some of :func:`token_ranges`, as they come and in no order."""
        chosen = token_ranges(8) if ranges is None else list(ranges)
        return _reader(table, columns, self._session().scan(table, chosen, columns=_listed(table, columns)))

    def newest(self, table: str, universe: str, variant: str | None = None) -> pa.Table:
        """The newest rows of ``portfolios``, ``frontiers`` or ``assets`` of a universe, however old they are."""
        return pa.Table.from_batches([pa.record_batch(self._session().newest(table, universe, variant))])

    def variants(self, table: str, universe: str) -> list[str]:
        """The variants that have rows in a table of a universe."""
        return self._session().variants(table, universe)

    def parts(
        self, table: str, scope: str, variant: str, count: int, *, first: int | None = None, last: int | None = None
    ) -> list[tuple[int | None, int | None]]:
        """A read by key in up to so many parts, each from a bar or time to another: together they have every row once."""
        return self._session().parts(table, scope, variant, count, first=first, last=last)

    def close(self) -> None:
        """Closes it; a second time does nothing."""
        self._native = None

    def _session(self) -> _Session:
        if self._native is None:
            raise InputError("the session with Cassandra is closed; connect anew")
        return self._native

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Cassandra({self.settings!r})"


class Writing:
    """A write that rows come to bit by bit. A few batches are under way at a time; what was not acknowledged when a ``with``
    block ends by an error is given up."""

    def __init__(self, native: CassandraWrite) -> None:
        self._native: CassandraWrite | None = native

    def put(self, rows: Any) -> None:
        """Writes rows, as :meth:`Cassandra.write` takes them. It may return before they are acknowledged."""
        native = self._open()
        if hasattr(rows, "__arrow_c_stream__"):
            native.put(rows, whole=not isinstance(rows, pa.RecordBatchReader))
        elif isinstance(rows, Iterator):
            for batch in rows:
                native.put(batch)
        else:
            raise InputError(
                f"rows: a {type(rows).__name__} has no rows of Arrow; give a table, batch or reader of pyarrow, or a frame"
            )

    def finish(self) -> Written:
        """Waits until all rows are acknowledged; says what was done."""
        counts = self._open().finish()
        self._native = None
        return Written(**counts)

    def _open(self) -> CassandraWrite:
        if self._native is None:
            raise InputError("the write has ended; begin another one")
        return self._native

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._native = None


def _reader(table: str, columns: Sequence[str] | None, found: CassandraRead) -> pa.RecordBatchReader:
    whole = schema(table)
    chosen = whole if columns is None else pa.schema([whole.field(name) for name in columns])
    return pa.RecordBatchReader.from_batches(chosen, _batches(found))


def _batches(found: CassandraRead) -> Iterator[pa.RecordBatch]:
    while (batch := found.next()) is not None:
        yield pa.record_batch(batch)


def _listed(table: str, columns: Sequence[str] | None) -> list[str] | None:
    if columns is None:
        return None
    there = schema(table).names
    if unknown := [name for name in columns if name not in there]:
        raise InputError(f"columns: there is no column {unknown[0]!r} in {table}; there are {', '.join(there)}")
    return list(columns)


def _settings(nodes: str | Sequence[str] | Settings | None, given: Mapping[str, object]) -> Settings:
    if not isinstance(nodes, Settings):
        return Settings(nodes, **given)
    if given:
        raise InputError(f"settings: {', '.join(given)} come beside others; make Settings with all of them")
    return nodes
