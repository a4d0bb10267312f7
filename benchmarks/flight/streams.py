"""A plain Flight client with several streams, and rows of twenty bytes for it to read."""

import threading
import time

import pyarrow.flight as flight

PLAIN = """select arrow_cast(value, 'Timestamp(Microsecond, Some("UTC"))') as time, cast(value % 1000 as int) as number,
    value * 0.5 as value from generate_series(1, {rows})"""


def read_all(address: str, tickets: list[bytes]) -> tuple[float, int]:
    """Seconds to read all of the tickets, each on a connection of its own, and how many rows came."""
    clients = [flight.connect(address) for _ in tickets]
    counts = [0] * len(tickets)

    def read(place: int) -> None:
        for chunk in clients[place].do_get(flight.Ticket(tickets[place])):
            counts[place] += chunk.data.num_rows

    threads = [threading.Thread(target=read, args=(place,)) for place in range(len(tickets))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    for client in clients:
        client.close()
    return seconds, sum(counts)
