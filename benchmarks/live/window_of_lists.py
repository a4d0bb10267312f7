"""A window of Python lists, to put the engine's beside: prices a second, one line of JSON.

    python benchmarks/live/window_of_lists.py [--assets N] [--window W] [--prices P] [--runs R]

A list an asset; a new price is appended, the oldest popped, and mean and variance follow by their incremental formulas. The
median of the runs is printed.
"""

import argparse
import json
import random
import statistics
import time


class Window:
    """The last prices of one asset, with their mean and the sum of their squared deviations."""

    def __init__(self, prices: list[float]) -> None:
        self.prices = prices
        self.mean = sum(prices) / len(prices)
        self.scatter = sum((price - self.mean) ** 2 for price in prices)

    def push(self, price: float) -> float:
        """Takes a price in and the oldest out; returns the variance."""
        self.prices.append(price)
        oldest = self.prices.pop(0)
        mean = self.mean + (price - oldest) / len(self.prices)
        self.scatter += (price - oldest) * (price - mean + oldest - self.mean)
        self.mean = mean
        return self.scatter / (len(self.prices) - 1)


def run(assets: int, window: int, prices: list[float]) -> float:
    """Prices a second."""
    windows = [Window(prices[:window]) for _ in range(assets)]
    started = time.perf_counter()
    place = 0
    for price in prices:
        windows[place].push(price)
        place = place + 1 if place + 1 < assets else 0
    return len(prices) / (time.perf_counter() - started)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--assets", type=int, default=50)
    parser.add_argument("--window", type=int, default=600)
    parser.add_argument("--prices", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    source = random.Random(1)
    prices = [100.0 + source.random() for _ in range(max(given.prices, given.window))]
    each = [run(given.assets, given.window, prices) for _ in range(given.runs)]
    print(json.dumps({"measurement": "window-of-lists", "unit": "prices/s", "median": statistics.median(each), "each": each}))


if __name__ == "__main__":
    main()
