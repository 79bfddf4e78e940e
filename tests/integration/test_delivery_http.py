"""Calls to receivers over real sockets: no redirect, no proxy of the shell, no answer without an end."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from connectors.delivery.channels.http import Http, HttpAnswer
from headwater.errors import Permanent, Transient
from headwater.settings import DeliverySettings
from headwater.trust import VARIABLE, trust_also

pytestmark = pytest.mark.integration
PRIVATE = DeliverySettings(allow_private=True, timeout_seconds=0.5)


class Server:
    """Answers by path, and keeps the paths that were asked for."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.paths: list[str] = []
        self.ending = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.paths.append(self.path)
                self.rfile.read(int(self.headers["Content-Length"]))
                match self.path:
                    case "/redirect":
                        self._say(302, b"", Location="/elsewhere")
                    case "/endless":
                        self._say(500, b"x" * 4_000_000)
                    case "/slow":
                        server.ending.wait(5)
                        self._say(204, b"")
                    case "/late":
                        self._say(200, b"", Content_Length="10")
                        server.ending.wait(5)
                    case "/cut":
                        self._say(200, b"", Content_Length="10")
                        self.close_connection = True
                    case "/odd":
                        self._say(200, b"", Retry_After="Mon, 01 Jan 2029 00:00:00 +" + "9" * 30)
                    case "/busy":
                        self._say(503, b"try token=abcdefgh later", Retry_After="7")
                    case _:
                        self._say(204, b"")

            def _say(self, status: int, body: bytes, **headers: str) -> None:
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name.replace("_", "-"), value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # the client has seen enough

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


async def post(url: str, settings: DeliverySettings = PRIVATE) -> HttpAnswer:
    http = Http(settings)
    try:
        return await http.post(url, b"{}", {})
    finally:
        await http.close()


async def test_a_redirect_is_an_answer_and_not_followed(server: Server) -> None:
    answer = await post(f"http://127.0.0.1:{server.port}/redirect")
    assert answer.status == 302
    assert server.paths == ["/redirect"]


async def test_of_an_answer_the_beginning_is_read_and_shown_without_secrets(server: Server) -> None:
    assert len((await post(f"http://127.0.0.1:{server.port}/endless")).text) <= 200
    answer = await post(f"http://127.0.0.1:{server.port}/busy")
    assert (answer.status, answer.retry_after) == (503, 7.0)
    assert answer.text == "try token=*** later"


async def test_no_answer_in_time_is_transient(server: Server) -> None:
    with pytest.raises(Transient, match=r"no answer within 0\.5 s"):
        await post(f"http://127.0.0.1:{server.port}/slow")


@pytest.mark.parametrize("path", ["late", "cut", "odd"])
async def test_a_status_counts_whatever_comes_behind_it(server: Server, path: str) -> None:
    answer = await post(f"http://127.0.0.1:{server.port}/{path}")
    assert answer == HttpAnswer(200, 0.0, "")


async def test_the_shells_proxy_is_not_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await post(f"http://127.0.0.1:{server.port}/ok")).status == 204


async def test_without_the_setting_nothing_private_is_reached(server: Server) -> None:
    with pytest.raises(Permanent, match="not https"):
        await post(f"http://127.0.0.1:{server.port}/ok", DeliverySettings())
    with pytest.raises(Transient, match="private address"):
        await post(f"https://localhost:{server.port}/ok", DeliverySettings())
    assert server.paths == []


async def test_a_certificate_of_nobody_we_trust_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    server = Server(context)
    try:
        with pytest.raises(Transient, match="certificate verify failed"):
            await post(f"https://127.0.0.1:{server.port}/ok")
        with authority.cert_pem.tempfile() as file:
            monkeypatch.setenv("SSL_CERT_FILE", file)
            assert (await post(f"https://127.0.0.1:{server.port}/ok")).status == 204
    finally:
        server.close()


async def test_receivers_of_the_system_and_of_a_trusted_ca_are_both_reached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    servers = []
    try:
        for name in ("system", "company"):
            authority = trustme.CA()
            authority.cert_pem.write_to_path(tmp_path / f"{name}.pem")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
            servers.append(Server(context))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
        monkeypatch.setenv(VARIABLE, str(tmp_path / "company.pem"))
        trust_also(os.environ)
        for server in servers:
            assert (await post(f"https://127.0.0.1:{server.port}/ok")).status == 204
    finally:
        for server in servers:
            server.close()
