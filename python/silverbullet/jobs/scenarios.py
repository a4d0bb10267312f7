"""What scenario risk looks at: portfolios of a bar, and moves of prices that somebody names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from silverbullet.jobs.window import Window
from silverbullet.spark.engine import Engine
from silverbullet.spark.errors import NotThere, OptionError
from silverbullet.spark.filters import text

#: What stands for the newest portfolios of the engine.
ENGINE = "engine"
#: What stands for every asset in a stress move.
EVERY = "*"


@dataclass(frozen=True)
class Holding:
    """A portfolio that is looked at."""

    name: str
    #: exact, monte-carlo or baseline.
    method: str
    #: In the order of the window's assets.
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Stress:
    """Moves of prices, all at once."""

    name: str
    #: Simple return of each asset, in the order of the window's.
    moves: tuple[float, ...]


def holdings(engine: Engine, window: Window, names: Sequence[str]) -> tuple[Holding, ...]:
    """The engine's portfolios of the window's last bar, and equal weights."""
    found: list[Holding] = []
    for name in dict.fromkeys(names):
        if name == ENGINE:
            found.extend(_of_engine(engine, window))
        elif name == "equal-weight":
            found.append(Holding(name, "baseline", (1.0 / len(window.assets),) * len(window.assets)))
        else:
            raise OptionError(f"--portfolios {name}: there are {ENGINE} and equal-weight")
    return tuple(found)


def _of_engine(engine: Engine, window: Window) -> list[Holding]:
    rows = engine.rows(
        f"select objective, method, weights from portfolios where universe = {text(window.universe)} and "
        f"variant = {text(window.variant)} and bar = {window.bar} order by objective, method"
    ).to_pylist()
    if not rows:
        raise NotThere(f"{window.universe} has no portfolios of bar {window.bar}")
    weights = [dict(row["weights"]) for row in rows]
    return [
        Holding(row["objective"], row["method"], tuple(own.get(asset, 0.0) for asset in window.assets))
        for row, own in zip(rows, weights, strict=True)
    ]


def stress(asked: str, window: Window) -> Stress:
    """Moves such as BTC=-0.3,ETH=-0.4 or *=-0.1: simple returns; what is not named stays where it is."""
    moves: dict[str, float] = {}
    for part in asked.split(","):
        asset, _, move = (piece.strip() for piece in part.partition("="))
        try:
            moves[asset] = float(move)
        except ValueError:
            raise OptionError(f"--stress {asked}: {part!r} must be ASSET=MOVE, such as BTC=-0.3") from None
        if not -1.0 <= moves[asset] < float("inf"):
            raise OptionError(f"--stress {asked}: a price moves by -1 (all of it) or more, not by {move}")
        if asset != EVERY and asset not in window.assets:
            raise OptionError(f"--stress {asked}: there is no asset {asset!r}; there are {', '.join(window.assets)}")
    rest = moves.get(EVERY, 0.0)
    return Stress(asked, tuple(moves.get(asset, rest) for asset in window.assets))
