"""A relay of TCP that tears connections, as networks do."""

import socket
import threading


class Relay:
    """Hands on from a port of its own to another, and tears each connection that has brought so many bytes."""

    def __init__(self, port: int, tears: list[int]) -> None:
        self._to, self._tears = port, list(tears)
        self.torn = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"grpc://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            most = self._tears.pop(0) if self._tears else None
            threading.Thread(target=self._hand_on, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self._hand_on, args=(server, client, most), daemon=True).start()

    def _hand_on(self, source: socket.socket, sink: socket.socket, most: int | None) -> None:
        brought = 0
        try:
            while data := source.recv(65_536):
                brought += len(data)
                if most is not None and brought > most:
                    self.torn += 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
