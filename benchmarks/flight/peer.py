"""A Flight server of pyarrow (C++) with the batches of another: what it serves is what it has read there.

    peer.py ADDRESS NAME=COMMAND ...

Prints its own address; a ticket is `NAME SHARE OF`, and gives that share of the batches.
"""

import sys

import pyarrow
import pyarrow.flight as flight


class Peer(flight.FlightServerBase):
    """Serves what it holds."""

    def __init__(self, tables: dict[str, pyarrow.Table]) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self.batches = {name: table.to_batches() for name, table in tables.items()}
        self.schemas = {name: table.schema for name, table in tables.items()}

    def do_get(self, _context: flight.ServerCallContext, ticket: flight.Ticket) -> flight.FlightDataStream:
        name, share, of = ticket.ticket.decode().split(" ")
        batches = self.batches[name]
        start, end = (len(batches) * part // int(of) for part in (int(share), int(share) + 1))
        return flight.RecordBatchStream(pyarrow.RecordBatchReader.from_batches(self.schemas[name], batches[start:end]))


def main() -> None:
    client = flight.connect(sys.argv[1])
    tables = {}
    for argument in sys.argv[2:]:
        name, _, command = argument.partition("=")
        info = client.get_flight_info(flight.FlightDescriptor.for_command(command.encode()))
        tables[name] = client.do_get(info.endpoints[0].ticket).read_all()
    client.close()
    peer = Peer(tables)
    print(f"grpc://127.0.0.1:{peer.port}", flush=True)
    sys.stdin.read()
    peer.shutdown()


if __name__ == "__main__":
    main()
