"""What orchestrators rely on: the answers of /healthz and /readyz, and which parts they are made of."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from typing import Any

import orjson
import pytest

from headwater.health import Health
from headwater.heartbeat import Loop, beat
from headwater.metrics import server
from tests.fakes.watched import MovingClock


class Answered(server._Handler):
    """The handler without a socket."""

    def __init__(self, path: str) -> None:
        self.path, self.body = path, BytesIO()
        self.wfile = self.body
        self.status = 0

    def send_response(self, code: int, message: str | None = None) -> None:
        self.status = int(code)

    def send_header(self, keyword: str, value: str) -> None: ...

    def end_headers(self) -> None: ...


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def health(clock: MovingClock, monkeypatch: pytest.MonkeyPatch) -> Health:
    health = Health(clock)
    monkeypatch.setattr(server, "HEALTH", health)
    return health


def asked(path: str) -> tuple[int, dict[str, Any]]:
    handler = Answered(path)
    handler.do_GET()
    return handler.status, orjson.loads(handler.body.getvalue())


def test_it_is_an_http_handler() -> None:
    assert issubclass(server._Handler, BaseHTTPRequestHandler)


def test_a_process_that_begins_is_alive_and_not_ready(health: Health) -> None:
    assert asked("/healthz") == (200, {"process": {"ok": True, "detail": ""}})
    assert asked("/readyz") == (503, {})


def test_what_waits_is_not_ready_and_alive(health: Health) -> None:
    health.report("kafka", False, "Kafka does not answer")
    assert asked("/readyz") == (503, {"kafka": {"ok": False, "detail": "Kafka does not answer"}})
    assert asked("/healthz")[0] == 200


def test_what_has_given_up_is_not_alive(health: Health) -> None:
    health.fail("a fork below finality")
    assert asked("/healthz") == (503, {"process": {"ok": False, "detail": "a fork below finality"}})


def test_a_loop_that_hangs_is_named_with_how_long_and_what_helps(health: Health, clock: MovingClock) -> None:
    health.report("assignment", True, "partition 0")
    with health.beats.loop(Loop.STAGE):
        assert asked("/healthz")[0] == 200
        clock.pass_(health.beats.bound + 1)
        status, signs = asked("/healthz")
        assert status == 503
        assert signs["process"]["ok"]
        assert signs["stage"]["ok"] is False
        assert signs["stage"]["detail"].startswith(
            "silent for 141 s, and nothing that it waits for takes longer"
        )
        assert "only another process helps" in signs["stage"]["detail"]
        # A hang is no word of its parts: readiness says what they said last.
        assert asked("/readyz")[0] == 200
        beat()
        assert asked("/healthz")[0] == 200


def test_any_thread_may_be_asked_while_a_loop_hangs(health: Health, clock: MovingClock) -> None:
    statuses: list[int] = []
    with health.beats.loop(Loop.SINK):
        clock.pass_(health.beats.bound + 1)
        asking = threading.Thread(target=lambda: statuses.append(asked("/healthz")[0]))
        asking.start()
        asking.join()
    assert statuses == [503]
