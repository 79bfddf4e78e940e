"""A loop that hangs is told of once, with where it stands."""

from __future__ import annotations

import threading

import pytest

from headwater.heartbeat import Hang
from headwater.metrics import hanging
from headwater.metrics.hanging import Hanging


class Log:
    """Stands for the module's log."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def error(self, event: str, **fields: object) -> None:
        self.lines.append({"event": event, **fields})


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log()
    monkeypatch.setattr(hanging, "_log", log)
    return log


def test_the_log_says_where_a_loop_stands_and_says_it_once(log: Log) -> None:
    stands, go = threading.Event(), threading.Event()

    def in_a_call_that_never_ends() -> None:
        stands.set()
        go.wait()

    thread = threading.Thread(target=in_a_call_that_never_ends)
    thread.start()
    stands.wait()
    told = Hanging()
    hang = Hang("sink", 141.2, thread.ident or 0)
    try:
        told.tell([hang])
        told.tell([hang])
    finally:
        go.set()
        thread.join()
    (line,) = log.lines
    assert (line["event"], line["loop"], line["seconds"]) == ("a loop hangs", "sink", 141)
    assert "in_a_call_that_never_ends" in str(line["stack"])


def test_one_that_hangs_again_is_told_of_again(log: Log) -> None:
    told = Hanging()
    for hangs in ([Hang("chain", 150, 0)], [], [Hang("chain", 160, 0)]):
        told.tell(hangs)
    assert [line["seconds"] for line in log.lines] == [150, 160]
    assert log.lines[0]["stack"] == "its thread has ended"
