"""Monte Carlo by parts: what a part of a run leaves, and what all of them come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from . import _kernel
from ._errors import InputError
from ._portfolio import Frontier, Portfolio, _ByBits

#: Portfolios in a block. A block adapts to what it has found, so that parts of a run begin where blocks do.
BLOCK: int = _kernel.BLOCK


@dataclass(frozen=True, eq=False)
class MonteCarlo(_ByBits):
    """The best of the portfolios drawn."""

    #: The best for each objective.
    portfolios: tuple[Portfolio, ...]
    #: The efficient ones among all that were kept.
    frontier: Frontier
    #: Portfolios drawn.
    samples: int
    #: Of a search within a budget: portfolios drawn and moves made, which make it again.
    evaluations: int | None = None
    #: Of a search within a budget: whether it ended because it knew that it was near enough.
    certified: bool | None = None

    @property
    def best(self) -> Portfolio:
        """The portfolio with the largest Sharpe ratio (the first objective there is)."""
        return self.portfolios[0]

    def portfolio(self, objective: str) -> Portfolio:
        """The best for an objective: ``max-sharpe`` or ``min-variance``."""
        for portfolio in self.portfolios:
            if portfolio.objective == objective:
                return portfolio
        names = ", ".join(portfolio.objective for portfolio in self.portfolios)
        raise InputError(f"objective: {objective!r} was not searched for; there are {names}")


class Sketch:
    """The best portfolios by risk and by risk aversion of a part of a run: some kilobytes, whatever was drawn.

    Parts of one run merge in any order and grouping to the same bits. It knows the moments it was drawn for, does not
    change, and can be pickled. `monte_carlo` makes it when told which part of a run to draw.
    """

    __slots__ = ("_native",)

    def __init__(self, native: _kernel.Sketch) -> None:
        self._native = native

    @property
    def portfolios(self) -> int:
        """Portfolios drawn for it."""
        return self._native.portfolios

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """First number and one past the last of each unbroken range of portfolios that it is of."""
        return self._native.ranges

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets."""
        return tuple(self._native.assets)

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self._native.seed

    def merge(self, other: Sketch) -> Sketch:
        """The sketch of both parts; neither is changed.

        :raises InputError: parts of different runs, or with portfolios in common, which would count twice
        """
        return Sketch(self._native.merge(other._native))

    @staticmethod
    def merge_all(sketches: Iterable[Sketch]) -> Sketch:
        """The sketch of any number of parts, at least one."""
        merged: Sketch | None = None
        for sketch in sketches:
            merged = sketch if merged is None else merged.merge(sketch)
        if merged is None:
            raise InputError("sketches: there is none; at least one is needed")
        return merged

    def finish(self, refine: bool = True) -> MonteCarlo:
        """The answer of the run: the best portfolios, refined unless told not to, and how far from exact they are."""
        finished = self._native.finish(refine)
        return MonteCarlo(
            portfolios=tuple(Portfolio(assets=self.assets, **found) for found in finished["portfolios"]),
            frontier=Frontier(assets=self.assets, **finished["frontier"]),
            samples=finished["samples"],
        )

    def frontier(self, refine: bool = True) -> pa.Table:
        """The frontier of `finish` as an Arrow table: risk, mean, weights."""
        return self.finish(refine).frontier.to_arrow()

    def to_bytes(self) -> bytes:
        """Everything of it; the same bytes for the same part of the same run, however it was merged."""
        return self._native.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Sketch:
        """What `to_bytes` made.

        :raises KernelMismatchError: it was drawn by another kernel
        :raises InputError: it is not a sketch, or damaged
        """
        return cls(_kernel.Sketch.from_bytes(data))

    def __reduce__(self) -> tuple[Any, ...]:
        return Sketch.from_bytes, (self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and self._native == other._native

    def __hash__(self) -> int:
        return hash((self.seed, self.portfolios))

    def __repr__(self) -> str:
        return f"Sketch(portfolios={self.portfolios}, seed={self.seed}, assets={len(self.assets)})"


def partitions(portfolios: int, parts: int) -> list[tuple[int, int]]:
    """Cuts a run into at most so many parts of whole blocks: (first, portfolios) of each, for `monte_carlo`.

    >>> import silverbullet as sb
    >>> sb.partitions(200_000, 3)
    [(0, 131072), (131072, 65536), (196608, 3392)]
    """
    if portfolios < 1 or parts < 1:
        raise InputError(f"partitions: {portfolios} portfolios in {parts} parts is not allowed; at least 1 of each")
    blocks = -(-portfolios // BLOCK)
    parts = min(parts, blocks)
    edges = [min(-(-part * blocks // parts) * BLOCK, portfolios) for part in range(parts + 1)]
    return [(first, end - first) for first, end in zip(edges, edges[1:], strict=False)]
