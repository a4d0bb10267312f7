"""The engine's Flight server, as the data source and the jobs use it.

A client is kept for each address in a process, because tasks may be short.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow
import pyarrow.flight as flight

from silverbullet.spark.errors import FLIGHT, OptionError, explained

#: The variable that the engine itself takes its token from.
TOKEN = "SILVERBULLET_SERVER__TOKEN"
#: A peer that gives no sign of life for so long is gone, though its connection stands.
SIGN_OF_LIFE = [("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 20_000)]
#: One that starts anew is found within so long, not after the minutes that gRPC grows its pauses to.
RECONNECT = [("grpc.max_reconnect_backoff_ms", 2_000)]


@dataclass(frozen=True)
class Address:
    """Where an engine is, and what it wants to see. Goes to the executors; what is secret is not shown."""

    url: str
    token: str | None = field(default=None, repr=False)
    authority: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, options: Mapping[str, str]) -> "Address":
        """The address in the options of a read. Files and variables are those of the driver."""
        url = options.get("endpoint")
        if not url:
            raise OptionError("the option `endpoint` is missing: grpc://HOST:PORT, as `silverbullet run` says it")
        parts = urlsplit(url)
        if parts.scheme not in ("grpc", "grpc+tcp", "grpc+tls") or not parts.hostname:
            raise OptionError(f"the option `endpoint` is {url!r}, it must be grpc://HOST:PORT or grpc+tls://HOST:PORT")
        authority = options.get("authority")
        trusted = Path(authority).read_bytes() if authority else None
        return cls(url, options.get("token") or os.environ.get(TOKEN), trusted)

    def engine(self) -> "Engine":
        """A connection of this process to it."""
        return _engine(self, os.getpid())


@lru_cache(maxsize=8)
def _engine(address: Address, _process: int) -> "Engine":
    return Engine(address)


class Engine:
    """One connection; may be used by several threads."""

    def __init__(self, address: Address) -> None:
        self.url = address.url
        trusted = {"tls_root_certs": address.authority} if address.authority else {}
        self._client = flight.connect(address.url, generic_options=SIGN_OF_LIFE + RECONNECT, **trusted)
        bearer = [(b"authorization", f"Bearer {address.token}".encode())] if address.token else []
        self._options = flight.FlightCallOptions(headers=bearer)

    def schema(self, query: str) -> pyarrow.Schema:
        """The columns of a query's answer. The query is planned and not run."""
        with explained(self.url, query):
            return self._client.get_schema(flight.FlightDescriptor.for_command(query.encode()), self._options).schema

    def answer(self, query: str, endpoints: int = 1) -> flight.FlightInfo:
        """Has a query answered at one moment, and the answer kept in so many shares."""
        command = json.dumps({"query": query, "endpoints": endpoints}).encode()
        with explained(self.url, query):
            return self._client.get_flight_info(flight.FlightDescriptor.for_command(command), self._options)

    def rows(self, query: str) -> pyarrow.Table:
        """All rows of a query."""
        info = self.answer(query)
        with explained(self.url, query):
            return self._client.do_get(info.endpoints[0].ticket, self._options).read_all()

    def batches(self, ticket: flight.Ticket) -> Iterator[pyarrow.RecordBatch]:
        """The batches of a share, each time the same ones in the same order. Errors are those of Flight."""
        reader = self._client.do_get(ticket, self._options)
        try:
            for chunk in reader:
                yield chunk.data
        finally:
            # Of a reader that is left in the midst the engine learns by this only.
            reader.cancel()

    def renew(self, endpoint: flight.FlightEndpoint) -> flight.FlightEndpoint:
        """Makes the answer of a ticket last for as long again as a new one. Errors are those of Flight."""
        action = flight.Action("RenewFlightEndpoint", _renewal(endpoint))
        (result,) = self._client.do_action(action, self._options)
        return flight.FlightEndpoint.deserialize(result.body.to_pybytes())


def _renewal(endpoint: flight.FlightEndpoint) -> bytes:
    """A RenewFlightEndpointRequest, which pyarrow has no class for: its only field is the endpoint."""
    message = endpoint.serialize()
    length, size = b"", len(message)
    while size >= 0x80:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return b"\x0a" + length + bytes([size]) + message


class Lease:
    """Renews a ticket while it is held: a reader may take longer than the engine keeps an answer."""

    def __init__(self, engine: Engine, endpoint: flight.FlightEndpoint, seconds: float) -> None:
        self._engine, self._endpoint, self._seconds = engine, endpoint, seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="silverbullet-lease", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _renew(self) -> None:
        while not self._over.wait(self._seconds):
            try:
                self._engine.renew(self._endpoint)
            except FLIGHT:
                # The reader notices by itself, and knows what to do about it.
                continue
