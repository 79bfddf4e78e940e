"""ClickHouse's HTTP interface over the engine: one thread per connection, loopback only."""

import socket
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Final

from sandbox.chdb.engine import Engine
from sandbox.chdb.handler import Handler
from sandbox.chdb.logins import Logins
from sandbox.chdb.mutations import drop_empty

DRAIN_SECONDS: Final = 8.0


class Server(ThreadingHTTPServer):
    """Serves the engine until `drain`; binds 127.0.0.1 and nothing else."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path, port: int, logins: Logins) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.logins = logins
        super().__init__(("127.0.0.1", port), Handler)
        for each in drop_empty(path):
            sys.stderr.write(f"removed {each}: it is empty, since the disk was full when it was written\n")
        self.engine = Engine(path)
        self._running = 0
        self._changed = threading.Condition()

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the address, which can take seconds without a name server."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def enter(self) -> None:
        """A request starts."""
        with self._changed:
            self._running += 1

    def leave(self) -> None:
        """A request ended, however it did."""
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def drain(self) -> bool:
        """Wait for the requests under way and close the engine; False when some would not end in time."""
        with self._changed:
            ended = self._changed.wait_for(lambda: self._running == 0, DRAIN_SECONDS)
        if ended:
            self.engine.close()
        return ended
