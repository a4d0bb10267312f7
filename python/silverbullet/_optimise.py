"""The questions: Monte Carlo, the exact optima and the exact frontier. Everything is per bar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal, Unpack, overload

import numpy as np

from . import _kernel
from ._constraints import Constraints, Restricted, aim
from ._errors import InputError
from ._inputs import columns
from ._moments import moments_of
from ._portfolio import Frontier, Portfolio
from ._sketch import BLOCK, MonteCarlo, Sketch

Sampler = Literal["auto", "uniform", "face-edge-vertex"]
Objective = Literal[
    "max-sharpe",
    "min-variance",
    "utility",
    "target-risk",
    "target-return",
    "min-cvar",
    "min-drawdown",
    "max-diversification",
    "risk-parity",
]

#: What a search under constraints beyond bounds draws by default: it improves what it draws along gradients.
CONSTRAINED_SAMPLES = 2_048
#: Points of a frontier under constraints beyond bounds, where corners are not known.
POINTS = 20
_LIVE = ("max-sharpe", "min-variance")


@overload
def monte_carlo(
    mean: Any,
    covariance: Any = None,
    samples: int | None = None,
    time_budget: float | timedelta | None = None,
    seed: int = 0,
    sampler: Sampler = "auto",
    refine: bool = True,
    threads: int | None = None,
    risk_free: float = 0.0,
    *,
    stream: int = 0,
    evaluations: int | None = None,
    **constraints: Unpack[Constraints],
) -> MonteCarlo: ...
@overload
def monte_carlo(
    mean: Any,
    covariance: Any = None,
    *,
    portfolios: int,
    first: int = 0,
    seed: int = 0,
    sampler: Sampler = "auto",
    threads: int | None = None,
    risk_free: float = 0.0,
    stream: int = 0,
    **constraints: Unpack[Constraints],
) -> Sketch: ...
def monte_carlo(
    mean: Any,
    covariance: Any = None,
    samples: int | None = None,
    time_budget: float | timedelta | None = None,
    seed: int = 0,
    sampler: Sampler = "auto",
    refine: bool = True,
    threads: int | None = None,
    risk_free: float = 0.0,
    *,
    portfolios: int | None = None,
    first: int | None = None,
    stream: int = 0,
    evaluations: int | None = None,
    **constraints: Unpack[Constraints],
) -> MonteCarlo | Sketch:
    """The best portfolios found by drawing and refining them. Portfolio i of a seed is the same wherever it is drawn.

    ``monte_carlo(moments, samples=…)`` answers with a `MonteCarlo`. ``monte_carlo(moments, portfolios=N, first=K)`` draws
    portfolios K to K + N − 1 of a run and answers with the `Sketch` of them, one thread by default: parts of a run
    (see `partitions`) merge in any order to the same bits, and `Sketch.finish` gives what the whole run in one go gives.

    :param mean: `Moments`, or mean returns per bar
    :param covariance: with mean returns: their covariance per bar
    :param samples: portfolios to draw; 65,536 if nothing is said (2,048 under constraints beyond bounds, where
        samples are improved one by one)
    :param time_budget: instead: seconds to search for; it ends sooner when it knows that it is near enough. `evaluations`
        of the answer makes the same search again
    :param sampler: ``uniform`` over the weights, ``face-edge-vertex`` (biased to few assets), or ``auto``, which takes
        turns and samples around the best so far
    :param refine: whether the best are improved after the drawing
    :param threads: all that there are by default; the answer does not depend on it
    :param risk_free: rate per bar
    :param stream: which of the seed's streams to draw from, such as the number of a bar
    :param constraints: see `Constraints`
    :raises InputError: an argument that nothing can be computed from
    :raises InfeasibleError: constraints that no weights satisfy
    """
    question = Restricted(moments_of(mean, covariance), risk_free, constraints)
    draw: _kernel._Draw = {"seed": _natural("seed", seed), "stream": _natural("stream", stream), "sampler": sampler}
    if threads is not None:
        _natural("threads", threads, least=1)
    by_parts = portfolios is not None or first is not None
    budgets = {"samples": samples, "time_budget": time_budget, "evaluations": evaluations, "portfolios": portfolios}
    if len(said := [name for name, budget in budgets.items() if budget is not None]) > 1:
        raise InputError(f"{said[1]}: {said[0]} says already how long to search; leave one of them out")
    if question.beyond_bounds:
        if by_parts or time_budget is not None or evaluations is not None:
            raise InputError(f"{(said or ['first'])[0]}: constraints beyond bounds are searched in one go; pass samples instead")
        count = CONSTRAINED_SAMPLES if samples is None else _natural("samples", samples, least=1)
        return _constrained(question, count, draw["seed"])
    if by_parts:
        count = _natural("portfolios", BLOCK if portfolios is None else portfolios, least=1)
        native = question.problem.sample(count, _natural("first", first or 0), draw, threads or 1)
        return Sketch(native)
    if time_budget is not None or evaluations is not None:
        return _within(question, time_budget, evaluations, draw, refine)
    count = BLOCK if samples is None else _natural("samples", samples, least=1)
    return Sketch(question.problem.sample(count, 0, draw, threads)).finish(refine)


def _within(
    question: Restricted, budget: float | timedelta | None, evaluations: int | None, draw: _kernel._Draw, refine: bool
) -> MonteCarlo:
    if not refine:
        raise InputError("refine: a search within a budget refines as it goes; pass samples instead, or leave refine out")
    seconds = budget.total_seconds() if isinstance(budget, timedelta) else budget
    count = 0 if evaluations is None else _natural("evaluations", evaluations, least=1)
    found = question.problem.search_within(seconds, count, draw)
    return MonteCarlo(
        portfolios=tuple(Portfolio(assets=question.assets, **one) for one in found["portfolios"]),
        frontier=Frontier(assets=question.assets, **found["frontier"]),
        samples=found["samples"],
        evaluations=found["evaluations"],
        certified=found["certified"],
    )


def _constrained(question: Restricted, samples: int, seed: int) -> MonteCarlo:
    problem, limits = question.problem, question.limits
    found = [problem.search(aim(objective), limits, samples, seed) for objective in _LIVE]
    frontier = problem.constrained_frontier(limits, POINTS, samples, seed)
    return MonteCarlo(
        portfolios=tuple(Portfolio(assets=question.assets, **one) for one in found),
        frontier=Frontier(assets=question.assets, **frontier),
        samples=samples,
    )


def efficient_frontier(
    mean: Any, covariance: Any = None, points: int | None = None, **constraints: Unpack[Constraints]
) -> Frontier:
    """The exact efficient frontier, from the least risk to the largest mean, after fees.

    :param mean: `Moments`, or mean returns per bar
    :param covariance: with mean returns: their covariance per bar
    :param points: so many, equally spaced in mean; if not said the corner portfolios, between which every
        efficient portfolio is a mixture of two neighbours (20 points under constraints beyond bounds)
    :param constraints: see `Constraints`
    """
    question = Restricted(moments_of(mean, covariance), 0.0, constraints)
    if points is not None:
        _natural("points", points, least=1)
    if question.beyond_bounds:
        found = question.problem.constrained_frontier(question.limits, points or POINTS)
        if len(found["risk"]) < (points or POINTS):
            raise InputError("constraints: no exact method settles these; monte_carlo searches for the frontier under them")
    else:
        found = question.problem.frontier(points)
    return Frontier(assets=question.assets, **found)


def max_sharpe(
    mean: Any, covariance: Any = None, risk_free: float = 0.0, **constraints: Unpack[Constraints]
) -> Portfolio:
    """The exact portfolio with the largest Sharpe ratio (mean − risk_free) / risk; see `optimize`."""
    return optimize("max-sharpe", mean, covariance, risk_free=risk_free, **constraints)


def min_variance(
    mean: Any, covariance: Any = None, risk_free: float = 0.0, **constraints: Unpack[Constraints]
) -> Portfolio:
    """The exact portfolio with the least risk; the risk-free rate counts in its Sharpe ratio only. See `optimize`."""
    return optimize("min-variance", mean, covariance, risk_free=risk_free, **constraints)


def optimize(
    objective: Objective,
    mean: Any,
    covariance: Any = None,
    *,
    method: Literal["exact", "monte-carlo"] = "exact",
    risk_aversion: float | None = None,
    target_risk: float | None = None,
    target_return: float | None = None,
    cvar_level: float | None = None,
    returns: Any = None,
    samples: int = CONSTRAINED_SAMPLES,
    seed: int = 0,
    risk_free: float = 0.0,
    **constraints: Unpack[Constraints],
) -> Portfolio:
    """The best portfolio for an objective. A degenerate question is answered with a label that says so.

    :param objective: ``max-sharpe``, ``min-variance``, ``utility`` (mean − risk_aversion · risk² / 2), ``target-risk``,
        ``target-return``, ``min-cvar`` and ``min-drawdown`` (over `returns`), ``max-diversification``, ``risk-parity``
    :param method: ``exact``, or ``monte-carlo``: drawn and refined with `samples` and `seed`
    :param target_risk: largest risk, per bar
    :param target_return: least mean, per bar
    :param cvar_level: share of the bars that are better than those counted; 0.95 by default
    :param returns: bars by assets, in the order of the moments
    :raises InfeasibleError: constraints or a target that no weights satisfy
    """
    question = Restricted(moments_of(mean, covariance), risk_free, constraints)
    asked = aim(
        objective,
        risk_aversion=risk_aversion,
        target_risk=target_risk,
        target_return=target_return,
        cvar_level=cvar_level,
        returns=None if returns is None else _scenarios(returns, question.assets),
    )
    if method == "monte-carlo":
        count = _natural("samples", samples, least=1)
        answer: _kernel._Portfolio | None = question.problem.search(asked, question.limits, count, _natural("seed", seed))
    elif method == "exact":
        answer = question.problem.solve(asked, question.limits)
    else:
        raise InputError(f"method: {method!r} is not one; there are exact and monte-carlo")
    if answer is None:
        raise InputError(f"method: no exact method settles {objective} under these constraints; pass method='monte-carlo'")
    return Portfolio(assets=question.assets, **answer)


def _scenarios(returns: Any, assets: Sequence[str]) -> Any:
    found = columns("returns", returns, None, None)
    if set(found.assets) == set(assets):
        by_name = dict(zip(found.assets, found.arrays, strict=True))
        return np.column_stack([by_name[asset] for asset in assets])
    return np.column_stack(found.arrays)


def _natural(what: str, value: int, least: int = 0) -> int:
    """A whole number that the kernel can count with."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InputError(f"{what}: {value!r} is not a whole number")
    number = value.__index__()
    if not least <= number < 2**63:
        raise InputError(f"{what}: {number} is not allowed; at least {least} and below 2^63")
    return number
