"""How Cassandra is reached: what is given, and for the rest the variables of the program."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._errors import InputError

_PREFIX = "SILVERBULLET_STORE__CASSANDRA__"
_NUMBERS = ("concurrency", "batch_rows", "batch_bytes", "retries", "seed")
#: Settings that are maps. Without an entry they are as if they were not there.
_MAPS = ("replication", "tls")
_PASSWORD = "password"


class Settings:
    """How Cassandra is reached: what is given, and for the rest the environment. It does not show the password."""

    def __init__(self, nodes: str | Sequence[str] | None = None, **given: object) -> None:
        values = _of_environment(os.environ)
        values |= {name: value for name, value in {"nodes": nodes, **given}.items() if value is not None}
        self._values = {name: _typed(name, value) for name, value in values.items()}
        for name in _MAPS:
            entries = {key: text for key, text in self._values.get(name, {}).items() if text not in ("", None)}
            self._values = {**self._values, name: entries} if entries else _without(self._values, name)

    @property
    def keyspace(self) -> str:
        """The keyspace of the tables."""
        return str(self._values.get("keyspace", "silverbullet"))

    @property
    def text(self) -> str:
        """Text that is the same for the same settings; the password is in it."""
        return json.dumps(self._values, sort_keys=True)

    def __repr__(self) -> str:
        shown = {name: "***" if name == _PASSWORD else value for name, value in self._values.items()}
        return f"Settings({shown!r})"


def _of_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the program would take from the environment; those that are empty are not set."""
    values: dict[str, Any] = {}
    for variable, text in variables.items():
        if not variable.upper().startswith(_PREFIX) or not text:
            continue
        name, _, entry = variable[len(_PREFIX) :].lower().partition("__")
        if entry:
            values[name] = {**values.get(name, {}), entry: text}
        else:
            values[name] = _of_toml(text) if name in _MAPS else text
    return values


def _of_toml(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"store.cassandra: {text!r} is no map; it is written as {{ class = \"SimpleStrategy\" }}") from error


def _typed(name: str, value: object) -> Any:
    """A value as the settings have it: numbers may come as text."""
    if name in _MAPS:
        if not isinstance(value, Mapping):
            raise InputError(f"store.cassandra.{name}: {value!r} is no map of names to values")
        return {str(key): str(entry) if entry is not None else None for key, entry in value.items()}
    if name in _NUMBERS:
        text = str(value)
        if not text.isascii() or not text.isdigit():
            raise InputError(f"store.cassandra.{name}: {value!r} is not a number from 0 on")
        return int(text)
    if name == "nodes" and not isinstance(value, str):
        return [str(node) for node in value] if isinstance(value, Iterable) else str(value)
    return str(value)


def _without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}
