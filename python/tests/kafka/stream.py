"""A stream of prices as a market sends them: several partitions, out of order, some too late, some unusable."""

import json
import random
import threading
import time
from collections.abc import Iterator

from confluent_kafka import Producer

ASSETS = tuple(f"A{number:02}" for number in range(16))
START = 1_747_008_000_000_000_000
SECOND = 1_000_000_000
# Ticks in a second of event time.
DENSITY = 100


def prices(count: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """Keys and values of `count` messages: one in ten a little late, one in two hundred too late, some unusable."""
    chance = random.Random(seed)
    price = {asset: 100.0 + number for number, asset in enumerate(ASSETS)}
    for number in range(count):
        asset = ASSETS[chance.randrange(len(ASSETS))]
        price[asset] *= 1.0 + chance.gauss(0.0, 2e-4)
        when = START + number * SECOND // DENSITY
        lot = chance.random()
        if lot < 0.005:
            when -= chance.randrange(2 * SECOND, 9 * SECOND)
        elif lot < 0.1:
            when -= chance.randrange(SECOND // 5)
        if lot > 0.9995:
            yield asset, b'{"asset": "' + asset.encode() + b'", "price": "none"}'
            continue
        value = {"timestamp": when, "asset": asset, "price": price[asset], "size": 1 + number % 5, "sequence": number}
        yield asset, json.dumps(value).encode()


class Flow(threading.Thread):
    """Sends `count` prices in `seconds`, whatever becomes of the broker meanwhile: each once and in order."""

    def __init__(self, brokers: str, topic: str, count: int, seconds: float) -> None:
        super().__init__(daemon=True)
        settings = {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.timeout.ms": 300_000,
            "queue.buffering.max.messages": 2_000_000,
            "log_level": 0,
        }
        self.producer = Producer(settings)
        self.topic, self.count, self.seconds = topic, count, seconds
        self.sent = 0
        self.failed = 0

    def run(self) -> None:
        """Sends at an even pace."""
        begun = time.monotonic()
        for key, value in prices(self.count):
            while self.sent > (time.monotonic() - begun) / self.seconds * self.count:
                self.producer.poll(0.002)
            self.producer.produce(self.topic, key=key, value=value, on_delivery=self.delivered)
            self.sent += 1
            if self.sent % 256 == 0:
                self.producer.poll(0)
        self.producer.flush(300)

    def delivered(self, error: object, _message: object) -> None:
        """Counts what was given up."""
        self.failed += error is not None
