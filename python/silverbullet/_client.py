"""SQL on a running program, by Arrow Flight SQL: a thin layer over ADBC's driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pyarrow as pa

from ._errors import ConnectionFailedError, InputError, MissingDependencyError, QueryError

if TYPE_CHECKING:
    import pandas
    import polars

_SCHEMES = ("grpc", "grpc+tcp", "grpc+tls")
_BEARER = "adbc.flight.sql.authorization_header"


def connect(address: str, *, token: str | None = None, authority: str | None = None) -> Connection:
    """Connects to a program that runs, such as ``grpc://127.0.0.1:50051``, or ``grpc+tls://…``.

    It needs the ADBC driver: ``pip install silverbullet[client]``.

    :param token: what the program was given as its token
    :param authority: certificates (PEM) of the authority to trust beside the system's, for TLS
    :raises MissingDependencyError: the driver is not installed
    :raises ConnectionFailedError: nobody answers there, or not to this token
    """
    _check(address)
    try:
        import adbc_driver_flightsql.dbapi as driver
        from adbc_driver_manager import Error
    except ImportError as error:
        raise MissingDependencyError(
            f"connect: {error.name or 'the ADBC driver'} is not installed; pip install silverbullet[client]"
        ) from error
    options: dict[str, str] = {}
    if token is not None:
        options[_BEARER] = f"Bearer {token}"
    if authority is not None:
        options["adbc.flight.sql.client_option.tls_root_certs"] = authority
    try:
        native = driver.connect(address, db_kwargs=options, autocommit=True)
        connection = Connection(address, native, Error)
        # The driver dials when it is first asked; whether it works shall be known here.
        connection.sql("select 1")
    except (Error, QueryError) as error:
        raise ConnectionFailedError(
            f"connect: {address} does not answer ({_first_line(error)}); is a program running there "
            "(silverbullet run --grpc HOST:PORT), and is the token right?"
        ) from error
    return connection


def _check(address: str) -> None:
    try:
        parts = urlsplit(address)
        complete = parts.scheme in _SCHEMES and parts.hostname and parts.port
    except ValueError:
        complete = False
    if not complete:
        raise InputError(f"address: {address!r} is not one; it is {' or '.join(_SCHEMES)}://HOST:PORT, such as grpc://127.0.0.1:50051")


class Connection:
    """A connection to a running program. It closes at the end of a ``with`` block."""

    def __init__(self, address: str, native: Any, error: type[Exception]) -> None:
        self.address = address
        self._native = native
        self._error = error

    def sql(self, query: str, parameters: Any = None) -> pa.Table:
        """All rows of a query as an Arrow table; `parameters` stand for its ``?`` or ``$1``.

        :raises QueryError: the program refused it, and what it said
        """
        if self._native is None:
            raise QueryError("sql: the connection is closed; connect anew")
        try:
            with self._native.cursor() as cursor:
                cursor.execute(query, parameters)
                return cursor.fetch_arrow_table()
        except self._error as error:
            raise QueryError(f"sql: {error}") from error

    def sql_pandas(self, query: str, parameters: Any = None) -> pandas.DataFrame:
        """All rows of a query as a DataFrame of pandas."""
        return self.sql(query, parameters).to_pandas()

    def sql_polars(self, query: str, parameters: Any = None) -> polars.DataFrame:
        """All rows of a query as a DataFrame of polars."""
        import polars

        frame = polars.from_arrow(self.sql(query, parameters))
        assert isinstance(frame, polars.DataFrame)
        return frame

    def close(self) -> None:
        """Closes it; a second time does nothing."""
        native, self._native = self._native, None
        if native is not None:
            native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Connection({self.address!r})"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
