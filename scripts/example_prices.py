#!/usr/bin/env python3
"""Writes docs/examples/prices.csv: daily closes of five invented assets, the same bytes every time.

Each log return is a common factor times the asset's share in it plus noise of its own, so that the assets
are correlated as real ones are and diversifying pays. Only the standard library is needed.
"""

import math
import random
from datetime import date, timedelta
from pathlib import Path

SEED = 2025
DAYS = 400
FIRST = date(2024, 1, 1)
FACTOR_VOLATILITY = 0.012
# Name: first price, mean daily log return, share in the factor, volatility of its own.
ASSETS = {
    "ALDER": (120.0, 0.0009, 1.0, 0.010),
    "BIRCH": (48.0, 0.0005, 0.7, 0.008),
    "CEDAR": (310.0, 0.0013, 1.4, 0.018),
    "ELM": (15.0, 0.0003, 0.3, 0.006),
    "HAZEL": (75.0, -0.0002, 1.1, 0.015),
}


def main() -> None:
    """Draws day by day and writes one row an asset."""
    draw = random.Random(SEED)
    prices = {name: first for name, (first, *_) in ASSETS.items()}
    lines = ["timestamp,asset,price"]
    for day in range(DAYS):
        factor = draw.gauss(0.0, FACTOR_VOLATILITY)
        for name, (_, mean, share, own) in ASSETS.items():
            prices[name] *= math.exp(mean + share * factor + draw.gauss(0.0, own))
            lines.append(f"{FIRST + timedelta(days=day)}T00:00:00Z,{name},{prices[name]:.4f}")
    target = Path(__file__).resolve().parent.parent / "docs" / "examples" / "prices.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
