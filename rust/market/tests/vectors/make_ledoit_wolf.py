"""Writes ledoit_wolf.json and exponential.json beside itself: returns and what others estimate from them.

Needs scikit-learn 1.9.1, pandas 3.1.1 and numpy 2.4.6 (what wrote the stored files):

    python -m venv /tmp/vectors && /tmp/vectors/bin/pip install scikit-learn==1.9.1 pandas==3.1.1 numpy==2.4.6
    /tmp/vectors/bin/python make_ledoit_wolf.py

The generator is seeded, so a second run writes the same returns. Expected values are scikit-learn's
LedoitWolf(assume_centered=False) and pandas' ewm(halflife=h), whose last row weighs the whole set.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.covariance import LedoitWolf

FOLDER = Path(__file__).parent


def factor_model(generator, rows, assets):
    """One common factor with loadings about one, so that correlations are about 0.7."""
    factor = generator.normal(0.0, 1e-3, (rows, 1))
    loadings = generator.uniform(0.5, 1.5, (1, assets))
    return factor @ loadings + generator.normal(0.0, 6e-4, (rows, assets))


def data_sets():
    """Name and returns of every set: rows are bars, columns assets."""
    generator = np.random.default_rng(20250512)
    ticks = generator.normal(0.0, 1e-5, (50, 4))
    ticks[generator.random(ticks.shape) < 0.6] = 0.0
    with_constant = generator.normal(0.0, 1e-3, (25, 3))
    with_constant[:, 1] = 0.0
    return {
        "tall": generator.normal([1e-4, -2e-4, 0.0], [1e-3, 2e-3, 5e-4], (40, 3)),
        "fewer rows than assets": factor_model(generator, 8, 12),
        "factor model": factor_model(generator, 60, 10),
        "ticks": ticks,
        "one asset": generator.normal(0.0, 1e-3, (20, 1)),
        "white noise": generator.normal(0.0, 1e-3, (10, 5)),
        "mean above deviation": 0.5 + factor_model(generator, 30, 4),
        "constant asset": with_constant,
        "two rows": generator.normal(0.0, 1e-3, (2, 3)),
    }


def ledoit_wolf(name, returns):
    fit = LedoitWolf(assume_centered=False).fit(returns)
    centred = returns - returns.mean(axis=0)
    return {
        "name": name,
        "returns": returns.tolist(),
        "mean": fit.location_.tolist(),
        "covariance": fit.covariance_.tolist(),
        "intensity": float(fit.shrinkage_),
        "target": float((centred**2).mean()),
    }


def exponential(name, returns, half_life):
    windowed = pd.DataFrame(returns).ewm(halflife=half_life)
    assets = returns.shape[1]
    return {
        "name": name,
        "half_life": half_life,
        "returns": returns.tolist(),
        "mean": windowed.mean().iloc[-1].tolist(),
        "covariance": windowed.cov(bias=False).to_numpy()[-assets:].tolist(),
    }


def write(name, cases):
    lines = ",\n".join(json.dumps(case) for case in cases)
    (FOLDER / name).write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    sets = data_sets()
    write("ledoit_wolf.json", [ledoit_wolf(*item) for item in sets.items()])
    write(
        "exponential.json",
        [
            exponential(name, sets[name], half_life)
            for name, half_life in [
                ("tall", 10.0),
                ("tall", 0.5),
                ("fewer rows than assets", 3.5),
                ("ticks", 1000.0),
                ("one asset", 4.0),
                ("mean above deviation", 8.0),
            ]
        ],
    )
