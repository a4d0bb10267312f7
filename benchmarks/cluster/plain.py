"""A plain Flight client in a process of its own: reads a ticket, from the time that a line says.

    plain.py URL TICKET
"""

import json
import sys
import time

from pyarrow import flight


def main() -> None:
    """Answers each line, a time in seconds since 1970, with when it began and ended and how many rows came."""
    url, ticket = sys.argv[1], flight.Ticket(bytes.fromhex(sys.argv[2]))
    for line in sys.stdin:
        with flight.connect(url) as client:
            time.sleep(max(0.0, float(line) - time.time()))
            began = time.time()
            rows = sum(chunk.data.num_rows for chunk in client.do_get(ticket))
            print(json.dumps({"began": began, "ended": time.time(), "rows": rows}), flush=True)


main()
