"""Moments that tests of the Python package make up."""

import numpy as np
import silverbullet as sb


def random_moments(assets: int, seed: int) -> sb.Moments:
    """Moments of invented returns with a common factor."""
    random = np.random.default_rng(seed)
    loads = random.uniform(0.5, 1.5, assets)
    returns = 1e-2 * (random.normal(size=(4 * assets, 1)) * loads + random.normal(size=(4 * assets, assets))) + 1e-3
    return sb.Moments.from_returns(returns)
