"""`python -m sandbox.chdb --path DIR --port N`: serve until SIGTERM."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from sandbox.chdb.logins import kept
from sandbox.chdb.server import Server


def main() -> int:
    """Serve the engine on DIR; 0 after a clean stop, 1 when requests had to be cut off."""
    parser = argparse.ArgumentParser(description="ClickHouse's HTTP interface over the chDB engine")
    parser.add_argument("--path", type=Path, required=True, help="directory of the data; one process a path")
    parser.add_argument("--port", type=int, default=8123, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--logins", type=Path, required=True, help="file of the passwords; made when absent")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = Server(options.path, options.port, kept(options.logins))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
    sys.stderr.write(f"ClickHouse {server.engine.version} listens on http://127.0.0.1:{server.server_port}\n")
    sys.stderr.flush()
    stop.wait()
    server.shutdown()
    server.server_close()
    drained = server.drain()
    # Daemon threads may sit in the engine; a normal exit would tear it down under them.
    sys.stderr.flush()
    os._exit(0 if drained else 1)


if __name__ == "__main__":
    sys.exit(main())
