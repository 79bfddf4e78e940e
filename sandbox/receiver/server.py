"""The receiver's HTTP server: POST /<channel> takes a webhook, GET / tells what came and what was wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

from headwater.digits import decimal
from sandbox.receiver.checker import Arrival, violations
from sandbox.receiver.faults import Reply

_LONGEST: Final = 4 << 20
_SEEN: Final = 100


class Receiver:
    """Serves from `start` to `stop`, on loopback. `shown` is told of each alert with a good signature."""

    def __init__(
        self,
        secret: str,
        port: int = 0,
        reply: Callable[[], Reply] = Reply,
        shown: Callable[[Arrival, dict[str, Any]], object] = lambda arrival, alert: None,
    ) -> None:
        self._signed = Webhook(secret)
        self._reply = reply
        self._shown = shown
        self._lock = threading.Lock()
        self._arrivals: list[Arrival] = []
        self._forged = 0
        self._stopping = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._take(self)

            def do_GET(self) -> None:
                answer(self, 200, orjson.dumps(receiver.summary(), option=orjson.OPT_INDENT_2))

            def log_message(self, format: str, *args: object) -> None:
                """What came is shown in our own words."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End; requests that are held are answered now."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def arrivals(self) -> list[Arrival]:
        """Everything with a good signature, in order."""
        with self._lock:
            return list(self._arrivals)

    def summary(self) -> dict[str, object]:
        """For people and scripts: counts, faults of the sender, and the last arrivals."""
        with self._lock:
            arrivals, forged = list(self._arrivals), self._forged
        return {
            "arrivals": len(arrivals),
            "deliveries": len({each.delivery_id for each in arrivals}),
            "bad_signatures": forged,
            "violations": violations(arrivals),
            "last": [{name: getattr(each, name) for name in Arrival.__slots__} for each in arrivals[-_SEEN:]],
        }

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        length = decimal(request.headers.get("Content-Length"), 31)
        if length is None or length > _LONGEST:
            request.close_connection = True
            return answer(request, 413 if length else 411)
        body = request.rfile.read(length)
        try:
            self._signed.verify(body, dict(request.headers.items()), json_parse=False)
            content = orjson.loads(body)
        except (WebhookVerificationError, ValueError) as error:
            with self._lock:
                self._forged += 1
            return answer(request, 401, str(error).encode())
        reply, own = self._reply(), request.headers["webhook-id"]
        # A channel that groups sends several alerts at once: the same ones in the same order under one id.
        alerts = {own: content}
        if "alerts" in content:
            alerts = {f"{own}.{place}": each for place, each in enumerate(content["alerts"])}
        for delivery_id, alert in alerts.items():
            arrival = Arrival(
                delivery_id=delivery_id,
                channel=request.path.strip("/"),
                alert_id=alert["alert_id"],
                version=alert["version"],
                status=alert["status"],
                answered=reply.status,
            )
            with self._lock:
                self._arrivals.append(arrival)
            self._shown(arrival, alert)
        self._stopping.wait(reply.seconds)
        return answer(request, reply.status, b"", reply.retry_after)


def answer(
    request: BaseHTTPRequestHandler, status: int, body: bytes = b"", retry_after: str | None = None
) -> None:
    """Send an answer; a client that has gone has its reasons."""
    try:
        request.send_response(status)
        if retry_after is not None:
            request.send_header("Retry-After", retry_after)
        if status != 204:
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
    except ConnectionError:
        request.close_connection = True
