"""Reading a share in a task: every row once, whatever happens on the way.

A ticket always gives the same rows in the same order. So a reader that was cut off asks again and passes over the
rows that it has handed on. The ticket is renewed when the task begins and while it goes on. Where it is not good any
longer, the question is asked again, if that leads to the same rows; otherwise the task fails and says what to do.
"""

import time
from collections.abc import Iterator
from datetime import datetime, timezone

import pyarrow
import pyarrow.flight as flight

from silverbullet.spark.engine import Engine, Lease
from silverbullet.spark.errors import (
    FLIGHT,
    EngineAway,
    SnapshotChanged,
    SourceError,
    TicketGone,
    explained,
    is_passing,
    words,
)
from silverbullet.spark.plan import Share

#: Seconds between attempts, of which each waits twice as long as the one before.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 3.0
#: So often in a row a ticket may be found gone as soon as it was given out.
MOST_TICKETS = 3


def read(share: Share, patience: float) -> Iterator[pyarrow.RecordBatch]:
    """The batches of a share. An engine that is away is waited for, for so many seconds without a row."""
    engine = share.address.engine()
    attempt = _Attempt(engine, share, patience)
    taken = 0
    while True:
        try:
            with Lease(engine, attempt.renewed(), attempt.lasts() / 3):
                for batch in _after(engine.batches(attempt.endpoint.ticket), taken):
                    taken += batch.num_rows
                    attempt.goes_well()
                    yield batch
            return
        except KeyError as error:
            attempt.ticket_is_gone(error)
        except (*FLIGHT, EngineAway, SnapshotChanged) as error:
            attempt.wait(error)


def _after(batches: Iterator[pyarrow.RecordBatch], rows: int) -> Iterator[pyarrow.RecordBatch]:
    """The rows after so many, however they are cut into batches."""
    for batch in batches:
        if rows >= batch.num_rows:
            rows -= batch.num_rows
        else:
            yield batch.slice(rows)
            rows = 0


class _Attempt:
    """What a task knows of its ticket, and how long it tries."""

    def __init__(self, engine: Engine, share: Share, patience: float) -> None:
        self._engine, self._share, self._patience = engine, share, patience
        self.endpoint = flight.FlightEndpoint.deserialize(share.endpoint)
        self._again = False
        self.goes_well()

    def goes_well(self) -> None:
        """A row came."""
        self._since = time.monotonic()
        self._pause = FIRST_PAUSE
        self._tickets = 0

    def renewed(self) -> flight.FlightEndpoint:
        """The ticket, good for as long as a new one."""
        if self._again:
            self.endpoint = self._asked_again()
            self._again = False
        self.endpoint = self._engine.renew(self.endpoint)
        return self.endpoint

    def lasts(self) -> float:
        """Seconds for which the ticket is good; at least one, whatever the clock of this machine says."""
        return max(1.0, _expiry(self.endpoint) - time.time())

    def ticket_is_gone(self, error: Exception) -> None:
        """The engine does not keep the answer: it is asked again, or the task ends."""
        self._tickets += 1
        if not self._share.repeatable or self._tickets > MOST_TICKETS:
            raise TicketGone(self._why_gone(error)) from error
        self._again = True

    def wait(self, error: Exception) -> None:
        """What may pass is waited for; after that, and otherwise, the task ends."""
        passes = isinstance(error, SourceError) or is_passing(error)
        if not passes or time.monotonic() - self._since > self._patience:
            with explained(self._engine.url, self._share.sql):
                raise error
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _asked_again(self) -> flight.FlightEndpoint:
        info = self._engine.answer(self._share.sql, self._share.of)
        if info.total_records != self._share.rows:
            raise SnapshotChanged(
                f"{self._engine.url} has {info.total_records} rows where {self._share.rows} were planned: rows went, "
                f"or the engine has other settings; read again: {self._share.sql}"
            )
        return info.endpoints[self._share.number]

    def _why_gone(self, error: Exception) -> str:
        until = _expiry(self.endpoint)
        stamp = datetime.fromtimestamp(until, timezone.utc).isoformat(timespec="seconds")
        why = (
            f"the ticket expired at {stamp}: no task asked for the answer for so long"
            if time.time() >= until
            else f"the engine has started anew, or had no memory for the answer, which was to be kept until {stamp}"
        )
        return (
            f"{self._engine.url} has no longer what was planned: {why}. Make the DataFrame anew (spark.read…load()), "
            f"run the job again; a table read with ordered=true survives this ({words(error)}): {self._share.sql}"
        )


def _expiry(endpoint: flight.FlightEndpoint) -> float:
    """When the ticket ends, in seconds since 1970."""
    return endpoint.expiration_time.value / 1e9 if endpoint.expiration_time is not None else time.time() + 60.0
