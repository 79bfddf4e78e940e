"""The front of `make cluster`: services that answer only who names loopback, at another address."""

from __future__ import annotations

import gzip
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cluster.front import front

# Of loopback too, but another than the services'.
ADDRESS = "127.0.0.2"
BODY = gzip.compress(bytes(range(256)) * 8_192)


class Strict(BaseHTTPRequestHandler):
    """Says what it was sent to whoever named it right."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        meant = self.headers["Host"] == f"127.0.0.1:{self.server.server_address[1]}"
        answer = self.path.encode() + b"\n" + body
        self.send_response(200 if meant else 421)
        self.send_header("X-Login", self.headers.get("Authorization", ""))
        self.send_header("X-Accepted", self.headers.get("Accept-Encoding", "nothing"))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """A test's output is not the place."""


@pytest.fixture
def service() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Strict) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(port: int) -> tuple[int, tuple[str, str], bytes]:
    request = urllib.request.Request(
        f"http://{ADDRESS}:{port}/a%2Fb?query=INSERT%20%2B",
        data=BODY,
        headers={"Authorization": "Basic abc", "Content-Encoding": "gzip"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        told = (answer.headers["X-Login"], answer.headers["X-Accepted"])
        return answer.status, told, answer.read()


@pytest.mark.integration
def test_requests_and_answers_pass_as_they_are(service: ThreadingHTTPServer) -> None:
    port = service.server_address[1]
    with front(ADDRESS, [port]):
        status, told, answer = ask(port)
    # urllib accepts no compressed answer by name, which is "identity".
    assert (status, told) == (200, ("Basic abc", "identity"))
    assert answer == b"/a%2Fb?query=INSERT%20%2B\n" + BODY


@pytest.mark.integration
def test_a_service_that_is_away_does_not_answer(service: ThreadingHTTPServer) -> None:
    port = service.server_address[1]
    service.shutdown()
    service.server_close()
    with front(ADDRESS, [port]), pytest.raises(OSError, match=r"closed|reset") as failed:
        ask(port)
    assert not isinstance(failed.value, urllib.error.HTTPError)
