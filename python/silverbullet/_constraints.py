"""What restricts the weights, as people write it, for the native module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

import numpy as np

from . import _kernel
from ._errors import InputError
from ._inputs import each
from ._moments import Moments


class Constraints(TypedDict, total=False):
    """Keywords of every question. Weights always sum to one; without bounds they are between 0 and 1."""

    #: Least weight: a number for all, an array, or by name (0 where a name is missing). Below 0: short.
    lower: Any
    #: Largest weight, likewise (1 where a name is missing).
    upper: Any
    #: Largest Σ|w|.
    gross_limit: float
    #: Bounds on sums: name → (assets, least, largest).
    groups: Mapping[str, tuple[Iterable[str], float, float]]
    #: Largest number of assets with a weight.
    max_assets: int
    #: Least size of a weight that is not 0.
    min_position: float
    #: Weights held now, an array or by name; they sum to one. Turnover and fee count from them.
    holdings: Any
    #: Largest Σ|w − holdings|.
    turnover_limit: float
    #: What trading takes, as a fraction of what is traded; means are after it.
    fee: float
    #: Bars over which the fee is spread: how long the portfolio will be held. 1 by default.
    holding_bars: float


_NAMES = tuple(Constraints.__annotations__)


class Restricted:
    """The moments with bounds as the kernel's problem, and what else restricts the weights."""

    def __init__(self, moments: Moments, risk_free: float, constraints: Constraints) -> None:
        given = {name: value for name, value in constraints.items() if value is not None}
        for name in given:
            if name not in _NAMES:
                raise TypeError(f"{name!r} is no keyword of this; constraints are {', '.join(_NAMES)}")
        self.problem = moments._problem(given.pop("lower", None), given.pop("upper", None), risk_free)
        self.assets = moments.assets
        #: Whether there is anything beyond bounds.
        self.beyond_bounds = bool(given.keys() - {"holdings", "holding_bars"})
        self.limits = self._limits(given)

    def _limits(self, given: Mapping[str, Any]) -> _kernel._Limits:
        holdings = given.get("holdings")
        if "holding_bars" in given and "fee" not in given:
            raise InputError("holding_bars: there is no fee to spread; pass fee too")
        return {
            "gross_limit": given.get("gross_limit"),
            "groups": [self._group(name, group) for name, group in given.get("groups", {}).items()],
            "max_assets": given.get("max_assets"),
            "min_position": given.get("min_position"),
            "holdings": None if holdings is None else each("holdings", holdings, self.assets, 0.0).tolist(),
            "turnover_limit": given.get("turnover_limit"),
            "fee": (float(given["fee"]), float(given.get("holding_bars", 1))) if "fee" in given else None,
        }

    def _group(self, name: str, group: Any) -> tuple[str, list[int], float, float]:
        try:
            members, least, most = group
        except (TypeError, ValueError):
            raise InputError(f"groups: {name!r} must be (assets, least, largest), such as (['BTC', 'ETH'], 0, 0.5)") from None
        for member in members:
            if member not in self.assets:
                raise InputError(f"groups: {name!r} has {member!r}, but there are {', '.join(self.assets)}")
        return name, [self.assets.index(member) for member in members], float(least), float(most)


def aim(
    objective: str,
    *,
    risk_aversion: float | None = None,
    target_risk: float | None = None,
    target_return: float | None = None,
    cvar_level: float | None = None,
    returns: Any = None,
) -> _kernel._Aim:
    """An objective with its parameters, for the native module."""
    return {
        "objective": objective,
        "risk_aversion": risk_aversion,
        "target_risk": target_risk,
        "target_return": target_return,
        "cvar_level": cvar_level,
        "returns": None if returns is None else np.ascontiguousarray(returns, dtype=np.float64),
    }
