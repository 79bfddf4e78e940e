"""A TCP proxy in front of a service: it can hang up at a given moment, or speak TLS for the service."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

CHUNK = 1 << 16


@contextmanager
def proxy(port: int, *, utterances: int | None = None, certificate: Path | None = None) -> Iterator[int]:
    """The port of a proxy to `port`.

    `utterances`: a connection is cut when the client has spoken so many times and speaks again.
    `certificate`: a file with certificate and key; clients speak TLS, the service does not. It is told its
    own port as the Host of each request, as a terminating proxy would be set up to.
    """
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            plain: socket.socket = self.request
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as service:
                client = plain if context is None else context.wrap_socket(plain, server_side=True)
                with client:
                    own = int(self.server.server_address[1])
                    host = (b"127.0.0.1:%d" % own, b"127.0.0.1:%d" % port)
                    _converse(client, service, utterances, host)

    class Proxy(ThreadingTCPServer):
        daemon_threads = True

    with Proxy(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            serving.join()


def _converse(
    client: socket.socket, service: socket.socket, utterances: int | None, host: tuple[bytes, bytes]
) -> None:
    answering = threading.Thread(target=_pass_on, args=(service, client))
    answering.start()
    try:
        for number in itertools.count():
            answer = client.recv(CHUNK)
            if not answer or number == utterances:
                break
            service.sendall(answer.replace(*host))
    finally:
        for each in (service, client):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        answering.join()


def _pass_on(service: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while answer := service.recv(CHUNK):
            client.sendall(answer)
