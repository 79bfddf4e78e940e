"""A worker that was paused while another one went on, and wakes."""

from __future__ import annotations

import signal

from headwater.settings import Settings
from tests.integration.waiting import until
from tests.integration.worker_process import committed, members, messages, written
from tests.integration.workers.feed import Start


def wakes(
    settings: Settings, start: Start, module: tuple[str, ...], group: str, source: str, sink: str, count: int
) -> None:
    """`count` messages wait in `source`; what wakes behind them adds nothing to `sink`."""
    paused = start(module)
    until(lambda: written(settings, sink) > 20, "it is at work")
    paused.signal(signal.SIGSTOP)
    behind = committed(settings, group, source)
    assert behind < count
    successor = start(module)
    until(lambda: committed(settings, group, source) == count, "the successor finished")
    before = messages(settings, sink)
    paused.signal(signal.SIGCONT)
    # It finds itself fenced and ends, so that its supervisor starts it again, or it joins and stands by.
    until(lambda: not paused.alive or members(settings, group) == 2, "the paused one came to itself", 30)
    assert successor.alive
    successor.signal(signal.SIGTERM)
    assert successor.exit_code() == 0
    assert messages(settings, sink) == before
