"""Serves a role's metrics and health over HTTP."""

from __future__ import annotations

import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from headwater.health import HEALTH
from headwater.logging import get_logger
from headwater.metrics.hanging import HANGING


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
        elif self.path in ("/healthz", "/readyz"):
            checks = HEALTH.signs() if self.path == "/healthz" else HEALTH.checks()
            ok = bool(checks) and all(check.ok for check in checks.values())
            if self.path == "/healthz" and not ok:
                HANGING.tell(HEALTH.beats.hanging())
            body = {name: {"ok": check.ok, "detail": check.detail} for name, check in checks.items()}
            status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, "application/json", orjson.dumps(body))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"paths: /metrics /healthz /readyz\n")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is not worth a line."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A scraper that went away is not a failure of this process; anything else is worth its traceback."""
        if isinstance(sys.exception(), ConnectionError):
            return
        get_logger("headwater.metrics").exception("serving metrics failed")


def serve(port: int = 0, host: str = "127.0.0.1") -> int:
    """Serve /metrics, /healthz and /readyz in a daemon thread; returns the port (0: a free one)."""
    server = _Server((host, port), _Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server.server_port
