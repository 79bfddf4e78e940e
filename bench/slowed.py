"""Processes that run only so much of the time, as if each had a slower core of its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

_TURN_SECONDS = 0.1


@contextmanager
def slowed(processes: Sequence[psutil.Process], share: float) -> Iterator[None]:
    """Each is stopped but for `share` of every tenth of a second; at 1 nothing is done.

    They take turns, so that those of many do not run at the same time.
    """
    if share >= 1:
        yield
        return
    ended = threading.Event()

    def turns(place: int, process: psutil.Process) -> None:
        ended.wait(_TURN_SECONDS * place / len(processes))
        while not ended.is_set():
            process.send_signal(signal.SIGCONT)
            ended.wait(_TURN_SECONDS * share)
            process.send_signal(signal.SIGSTOP)
            ended.wait(_TURN_SECONDS * (1 - share))
        process.send_signal(signal.SIGCONT)

    threads = [threading.Thread(target=turns, args=each, daemon=True) for each in enumerate(processes)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
