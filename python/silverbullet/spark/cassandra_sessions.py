"""One session with Cassandra for all tasks of a process: to make one takes longer than many tasks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from silverbullet import cassandra

#: The last one, with what it was made from. Python workers of Spark are forked, and a session is not.
_kept: tuple[tuple[int, str], cassandra.Cassandra] | None = None


@contextmanager
def session(settings: cassandra.Settings) -> Iterator[cassandra.Cassandra]:
    """A session. After an error the next one is made anew: tables may have been dropped and made since."""
    global _kept
    key = (os.getpid(), settings.text)
    if _kept is None or _kept[0] != key:
        _kept = (key, cassandra.connect(settings))
    try:
        yield _kept[1]
    except Exception:
        _kept = None
        raise
