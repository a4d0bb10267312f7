#!/usr/bin/env python3
"""Writes the example prices, the same bytes every time: docs/examples/prices.csv, daily closes of five invented
assets, and setup/kafka/sample-prices.csv, eight hours of invented minute prices under the names of 16 coins.

Each log return is a common factor times the asset's share in it plus noise of its own, so that the assets
are correlated as real ones are and diversifying pays. Only the standard library is needed.
"""

import math
import random
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# Name: first price, mean log return a step, share in the factor, volatility of its own.
Assets = dict[str, tuple[float, float, float, float]]

DAILY: Assets = {
    "ALDER": (120.0, 0.0009, 1.0, 0.010),
    "BIRCH": (48.0, 0.0005, 0.7, 0.008),
    "CEDAR": (310.0, 0.0013, 1.4, 0.018),
    "ELM": (15.0, 0.0003, 0.3, 0.006),
    "HAZEL": (75.0, -0.0002, 1.1, 0.015),
}
MINUTES: Assets = {
    "ADA": (0.8, 1e-6, 1.3, 0.0008),
    "AVAX": (24.0, 0.0, 1.4, 0.0009),
    "BCH": (400.0, 1e-6, 1.0, 0.0008),
    "BNB": (650.0, 2e-6, 0.6, 0.0004),
    "BTC": (104000.0, 3e-6, 0.7, 0.0002),
    "ENA": (0.4, -2e-6, 1.9, 0.0016),
    "ETC": (19.0, 0.0, 1.2, 0.0007),
    "ETH": (2500.0, 4e-6, 1.2, 0.0005),
    "LAYER": (1.2, -3e-6, 1.5, 0.0025),
    "LINK": (16.0, 1e-6, 1.3, 0.0007),
    "LTC": (100.0, 0.0, 1.0, 0.0007),
    "SOL": (172.0, 2e-6, 1.2, 0.0006),
    "SUI": (4.0, 2e-6, 1.5, 0.0010),
    "XLM": (0.3, 1e-6, 1.2, 0.0008),
    "XMR": (330.0, 5e-6, 0.4, 0.0008),
    "XRP": (2.4, 1e-6, 1.1, 0.0007),
}


def write(path: str, seed: int, times: Iterable[str], volatility: float, assets: Assets) -> None:
    """Draws time by time, with a factor of that `volatility`, and writes one row an asset."""
    draw = random.Random(seed)
    prices = {name: first for name, (first, *_) in assets.items()}
    lines = ["timestamp,asset,price"]
    for time in times:
        factor = draw.gauss(0.0, volatility)
        for name, (_, mean, share, own) in assets.items():
            prices[name] *= math.exp(mean + share * factor + draw.gauss(0.0, own))
            lines.append(f"{time},{name},{prices[name]:.4f}")
    target = PROJECT / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Writes both files."""
    days = (f"{date(2024, 1, 1) + timedelta(days=day)}T00:00:00Z" for day in range(400))
    write("docs/examples/prices.csv", 2025, days, 0.012, DAILY)
    minutes = ((datetime(2025, 5, 12) + timedelta(minutes=i)).isoformat() + "Z" for i in range(480))
    write("setup/kafka/sample-prices.csv", 2026, minutes, 0.0006, MINUTES)


if __name__ == "__main__":
    main()
