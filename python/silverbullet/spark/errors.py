"""What can go wrong between Spark and the engine. Each message names the thing and the remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow
import pyarrow.flight as flight


class SourceError(Exception):
    """Why rows cannot be had."""


class OptionError(SourceError):
    """An option that is missing, unknown or wrong."""


class EngineAway(SourceError):
    """Nobody answers at the endpoint."""


class NotThere(SourceError):
    """A table, column, universe or function that the engine does not know."""


class TicketGone(SourceError):
    """The engine keeps the answer no longer that a ticket is for."""


class SnapshotChanged(SourceError):
    """The rows that were planned are not those that the engine has now."""


class Refused(SourceError):
    """The engine does not answer: the token is wrong, the query too large or no query."""


#: What Flight and gRPC raise. Of one and the same code some calls of pyarrow make a class of its own, others OSError.
FLIGHT = (pyarrow.ArrowException, flight.FlightError, OSError)


def _is(error: BaseException, kind: type[Exception], code: str) -> bool:
    return isinstance(error, kind) or f"Detail: {code}" in str(error)


def is_passing(error: BaseException) -> bool:
    """Whether the same call may do in a moment: the engine starts anew, others read, the reader was slow."""
    return (
        _is(error, flight.FlightUnavailableError, "Unavailable")
        or _is(error, flight.FlightTimedOutError, "TimedOut")
        or _is(error, flight.FlightCancelledError, "Cancelled")
        or "come back later" in str(error)
    )


def words(error: BaseException) -> str:
    """What the engine said, without what gRPC adds to it."""
    text = str(error.args[0] if error.args else error)
    text = text.split(". gRPC client debug context:")[0].split(". Detail:")[0]
    return text.split("with message: ", 1)[-1].strip()


@contextmanager
def explained(url: str, asked: str) -> Iterator[None]:
    """Turns errors of Flight into those of this module."""
    try:
        yield
    except FLIGHT as error:
        raise _explanation(error, url, asked) from error


def _explanation(error: BaseException, url: str, asked: str) -> SourceError:
    said = words(error)
    if _is(error, flight.FlightUnavailableError, "Unavailable"):
        return EngineAway(
            f"no engine answers at {url}: start one by `silverbullet run --grpc ADDRESS`, or name the one that runs in "
            f"the option `endpoint`; every executor must reach it, too ({said})"
        )
    if _is(error, flight.FlightUnauthenticatedError, "Unauthenticated"):
        return Refused(f"{url} wants its token: option `token`, or the driver's SILVERBULLET_SERVER__TOKEN ({said})")
    if _is(error, flight.FlightTimedOutError, "TimedOut"):
        return Refused(f"{url} took too long: narrow the query, or raise the engine's sql.time ({said}): {asked}")
    if isinstance(error, KeyError):
        return NotThere(f"{url} does not know what is asked for: {said}: {asked}")
    return Refused(f"{url} does not answer this: {said}: {asked}")
