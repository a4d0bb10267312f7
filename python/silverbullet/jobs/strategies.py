"""Strategies of a walk-forward back-test: an objective, an estimator and a window; and their weights at a bar."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from silverbullet.jobs.window import Window
from silverbullet.spark.errors import OptionError

Array = npt.NDArray[np.float64]

#: Portfolios that optimise nothing.
BASELINES = ("equal-weight", "inverse-volatility", "hierarchical-risk-parity")
#: Objectives, and the parameter that stands behind a colon where there is one.
OBJECTIVES = {
    "max-sharpe": None,
    "min-variance": None,
    "utility": "risk_aversion",
    "target-risk": "target_risk",
    "target-return": "target_return",
    "min-cvar": "cvar_level",
    "min-drawdown": None,
    "max-diversification": None,
    "risk-parity": None,
}
#: Objectives that are measured over the window's returns themselves.
OVER_RETURNS = ("min-cvar", "min-drawdown")
#: Where it can be left out.
OPTIONAL = ("cvar_level",)
ESTIMATORS = ("sample", "ledoit-wolf", "exponential")


@dataclass(frozen=True)
class Strategy:
    """One cell of the grid."""

    objective: str
    #: Its number, such as a risk aversion.
    parameter: float | None
    estimator: str
    half_life: float | None
    window: int

    @property
    def name(self) -> str:
        """Objective, estimator and window, as they were asked for."""
        objective = self.objective if self.parameter is None else f"{self.objective}:{self.parameter:g}"
        estimator = self.estimator if self.half_life is None else f"{self.estimator}:{self.half_life:g}"
        return f"{objective}/{estimator}/{self.window}"

    def weights(self, prices: dict[str, Array], settings: Window) -> tuple[Array, bool]:
        """Weights after the closes of its window, oldest first; and whether the question had a proper answer."""
        import silverbullet as sb

        moments = sb.Moments.from_prices(prices, estimator=self.estimator, half_life=self.half_life)
        if self.objective in BASELINES:
            found = sb.baseline(self.objective, moments)  # type: ignore[arg-type]
            return found.weights, found.label == "ok"
        more: dict[str, Any] = {
            "risk_free": settings.risk_free,
            "lower": dict(zip(settings.assets, settings.lower, strict=True)),
            "upper": dict(zip(settings.assets, settings.upper, strict=True)),
        }
        asked = dict(more)
        if (name := OBJECTIVES[self.objective]) is not None:
            asked[name] = self.parameter
        if self.objective in OVER_RETURNS:
            asked["returns"] = sb.simple_returns(prices)
        try:
            found = sb.optimize(self.objective, moments, **asked)  # type: ignore[arg-type]
            return found.weights, found.label == "ok"
        except sb.InfeasibleError:
            # A target out of reach at this bar: what the engine does, too, is to hold the least risk.
            return sb.min_variance(moments, **more).weights, False


def grid(objectives: list[str], estimators: list[str], windows: list[int]) -> tuple[Strategy, ...]:
    """All combinations, each once, in the order in which they were named."""
    cells = product(map(_objective, objectives), map(_estimator, estimators), windows)
    found = tuple(dict.fromkeys(Strategy(*objective, *estimator, window) for objective, estimator, window in cells))
    for one in found:
        if one.window < 2:
            raise OptionError(f"--windows {one.window}: a window has at least 2 returns")
    return found


def _objective(text: str) -> tuple[str, float | None]:
    name, parameter = _named(text, "--objectives", (*OBJECTIVES, *BASELINES))
    needs = OBJECTIVES.get(name)
    if needs is None and parameter is not None:
        raise OptionError(f"--objectives {text}: {name} takes no number")
    if needs is not None and parameter is None and needs not in OPTIONAL:
        raise OptionError(f"--objectives {text}: {name} needs its {needs.replace('_', ' ')}: {name}:NUMBER, per bar")
    return name, parameter


def _estimator(text: str) -> tuple[str, float | None]:
    name, half_life = _named(text, "--estimators", ESTIMATORS)
    if (name == "exponential") != (half_life is not None):
        raise OptionError(f"--estimators {text}: exponential:HALF-LIFE takes a number of bars, the others none")
    return name, half_life


def _named(text: str, option: str, known: tuple[str, ...]) -> tuple[str, float | None]:
    name, colon, number = text.partition(":")
    if name not in known:
        raise OptionError(f"{option} {text}: there are {', '.join(known)}")
    try:
        return name, float(number) if colon else None
    except ValueError:
        raise OptionError(f"{option} {text}: {number!r} is no number") from None
