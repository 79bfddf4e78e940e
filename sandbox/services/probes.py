"""Quick questions to a service on loopback: is it there, does it answer?"""

from __future__ import annotations

import http.client
import json
import socket

QUICK_SECONDS = 0.4
ANSWER_BYTES = 16 << 20


def answers_tcp(port: int) -> bool:
    """Does something accept connections on this loopback port?"""
    try:
        with socket.create_connection(("127.0.0.1", port), QUICK_SECONDS):
            return True
    except OSError:
        return False


def http_get(port: int, path: str, seconds: float = QUICK_SECONDS) -> tuple[int, bytes]:
    """Status and body, or (0, b"") when there is no answer in time."""
    return _ask(port, "GET", path, None, seconds)


def http_send(port: int, method: str, path: str, body: object, seconds: float = 5.0) -> tuple[int, bytes]:
    """Send a JSON body; status and answer, or (0, b"") when there is no answer in time."""
    return _ask(port, method, path, json.dumps(body).encode(), seconds)


def _ask(port: int, method: str, path: str, body: bytes | None, seconds: float) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read(ANSWER_BYTES + 1)
        # Whatever answers with more than that on this port is not the service that was asked.
        return (answer.status, content) if len(content) <= ANSWER_BYTES else (0, b"")
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
