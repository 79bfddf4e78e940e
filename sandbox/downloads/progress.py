"""Showing downloads: a bar for each part on a terminal, a line elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

Advance = Callable[[int], None]


class DownloadProgress(Protocol):
    """Told of each download. Called from several threads."""

    def part(self, name: str, total: int) -> Advance:
        """`name` begins, `total` bytes of it (0: unknown); call the result with each chunk's bytes."""


class LineProgress:
    """Says when a part begins and when it is whole: for logs and pipes."""

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._lock = threading.Lock()

    def part(self, name: str, total: int) -> Advance:
        size = f" ({total / 1e6:.0f} MB)" if total else ""
        self._say(f"{name}{size}, once")
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            with self._lock:
                before, done = done, done + count
            if before < max(total, 1) <= done:
                self._say(f"{name}: done")

        return advance

    def _say(self, text: str) -> None:
        with self._lock:
            print(text, file=self._out, flush=True)


class RichProgress:
    """A bar per part. Use as a context manager; shows nothing when nothing is fetched."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._lock = threading.Lock()
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._started:
            self._bars.stop()

    def part(self, name: str, total: int) -> Advance:
        with self._lock:
            if not self._started:
                self._bars.start()
                self._started = True
            task = self._bars.add_task(name, total=total or None)
        return lambda count: self._bars.advance(task, count)


@contextmanager
def shown(console: Console) -> Iterator[DownloadProgress]:
    """The progress that suits `console`."""
    if console.is_terminal:
        with RichProgress(console) as progress:
            yield progress
    else:
        yield LineProgress(console.file if isinstance(console.file, TextIO) else sys.stderr)
