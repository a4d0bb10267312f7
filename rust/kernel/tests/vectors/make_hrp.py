"""Hierarchical risk parity of random covariances by PyPortfolioOpt, as vectors for tests/baseline.rs.

Run with PyPortfolioOpt 1.6.0, SciPy 1.17.1, NumPy 2.4.6: python make_hrp.py > hrp.json
PyPortfolioOpt clusters by the correlation distance itself: single linkage (SciPy) of sqrt((1 - correlation) / 2).
"""

import json

import numpy as np
import pandas as pd
from pypfopt import HRPOpt


def covariance(rng: np.random.Generator, assets: int, kind: str) -> np.ndarray:
    bars = 5 * assets
    scale = np.exp(rng.normal(size=assets))
    match kind:
        case "factors":
            loads = rng.normal(size=(assets, 3))
            returns = rng.normal(size=(bars, 3)) @ loads.T + rng.normal(size=(bars, assets))
        case "independent":
            returns = rng.normal(size=(bars, assets))
        case "blocks":
            groups = np.arange(assets) % 4
            returns = rng.normal(size=(bars, 4))[:, groups] + 0.5 * rng.normal(size=(bars, assets))
        case "tick":
            returns = 1e-6 * (rng.normal(size=(bars, 1)) + rng.normal(size=(bars, assets)))
    return np.cov(returns * scale, rowvar=False).reshape(assets, assets)


def main() -> None:
    rng = np.random.default_rng(2016)
    cases = []
    for assets in (2, 3, 5, 10, 20):
        for kind in ("factors", "independent", "blocks", "tick"):
            matrix = covariance(rng, assets, kind)
            names = [f"{asset:03}" for asset in range(assets)]
            weights = HRPOpt(cov_matrix=pd.DataFrame(matrix, index=names, columns=names)).optimize()
            values = [float(weights[name]) for name in names]
            cases.append({"kind": kind, "covariance": matrix.ravel().tolist(), "weights": values})
    print(json.dumps(cases))


if __name__ == "__main__":
    main()
