"""Writing a batch: read it, encode it, insert it, and at each step set the bad rows aside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from connectors.clickhouse.sink.bisect import BadRowLimit, bisect
from connectors.clickhouse.sink.messages import Bad, Message, present
from connectors.clickhouse.sink.rows import Columns, Reader
from headwater.errors import HeadwaterError, Permanent, Transient
from headwater.logging import get_logger
from headwater.metrics import sink as metrics

_log = get_logger("connectors.clickhouse.sink")
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
# Rows that are read and encoded at a time: what they become for a moment stays in the processor's cache.
CHUNK_ROWS: Final = 4096
T = TypeVar("T")


class Stopped(HeadwaterError):  # noqa: N818 - no failure, a wish
    """The sink is stopping: what was not acknowledged will be read again."""


class Retry:
    """Repeats what fails for a passing reason until it succeeds. `failing` tells what it says meanwhile."""

    def __init__(self, name: str, stop: threading.Event) -> None:
        self._name = name
        self._stop = stop
        self.failing = ""

    def __call__(self, step: Callable[[], T]) -> T:
        """The step's result. Raises what the step raises but Transient, and Stopped."""
        pause = _FIRST_PAUSE
        while True:
            try:
                result = step()
            except Transient as error:
                if not self.failing:
                    _log.warning("the sink waits", table=self._name, error=str(error))
                self.failing = str(error)
                metrics.SINK_RETRIES.labels(self._name).inc()
                if self._stop.wait(pause):
                    raise Stopped(f"stopped while waiting: {error}") from error
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                if self.failing:
                    _log.info("the sink goes on", table=self._name)
                self.failing = ""
                return result


class Target(Protocol):
    """A table: `Table`, or a fake."""

    @property
    def name(self) -> str: ...
    def encode(self, columns: Columns) -> bytes: ...
    def insert(self, encoded: bytes, rows: int) -> None: ...


class Letters(Protocol):
    """The dead letters."""

    def send(self, bad: Sequence[Bad]) -> None: ...


class Writer:
    """Writes the batches of one stream into its table."""

    def __init__(
        self, reader: Reader, table: Target, letters: Letters, limit: BadRowLimit, retry: Retry, chain: str
    ) -> None:
        self._reader = reader
        self._table = table
        self._letters = letters
        self._limit = limit
        self._chain = chain
        self.retry = retry

    def write(self, messages: Sequence[Message]) -> None:
        """When this returns each message is a row or a dead letter, acknowledged.

        Raises Fatal when too many are bad (then none of them was sent to the dead letters), and Stopped.
        """
        bad: list[Bad] = []
        self.pour(present(messages), bad)
        self.bury(len(messages), bad)

    def read(self, messages: Sequence[Message], bad: list[Bad]) -> tuple[Sequence[Message], Columns]:
        """The messages that are records, and their columns; the others are added to `bad`."""
        return self._halving(messages, bad, self._read)

    def pour(
        self, messages: Sequence[Message], bad: list[Bad], adjust: Callable[[Columns], Columns] = lambda x: x
    ) -> None:
        """Insert messages as rows; those that cannot be are added to `bad`. `adjust` has the last word on
        the columns.
        """

        def encode(part: Sequence[Message]) -> bytes:
            return self._table.encode(adjust(self._read(part)))

        def insert(part: Sequence[Message]) -> None:
            if part:
                encoded = b"".join(
                    [encode(part[at : at + CHUNK_ROWS]) for at in range(0, len(part), CHUNK_ROWS)]
                )
                self.retry(lambda: self._table.insert(encoded, len(part)))

        kept: list[Message] = []
        blocks: list[bytes] = []
        for at in range(0, len(messages), CHUNK_ROWS):
            good, block = self._halving(messages[at : at + CHUNK_ROWS], bad, encode)
            if good:
                kept += good
                blocks.append(block)
        if kept:
            # Several blocks in one body are one insert.
            encoded = b"".join(blocks)
            blocks.clear()
            try:
                self.retry(lambda: self._table.insert(encoded, len(kept)))
            except Permanent:
                kept = self._without_bad(kept, bad, insert)
            metrics.SINK_ROWS.labels(self._chain, self._table.name).inc(len(kept))

    def bury(self, rows: int, bad: Sequence[Bad]) -> None:
        """Send the bad ones of a batch to the dead letters."""
        if bad:
            self.retry(lambda: self._letters.send(bad))
        self._limit.done(rows, len(bad))

    def _read(self, messages: Sequence[Message]) -> Columns:
        return self.retry(lambda: self._reader.columns(messages))

    def _halving(
        self, messages: Sequence[Message], bad: list[Bad], step: Callable[[Sequence[Message]], T]
    ) -> tuple[Sequence[Message], T]:
        """The step's result for the messages that it takes, and these."""
        try:
            return messages, step(messages)
        except Permanent:
            good = self._without_bad(messages, bad, step)
            return good, step(good)

    def _without_bad(
        self, messages: Sequence[Message], bad: list[Bad], attempt: Callable[[Sequence[Message]], object]
    ) -> list[Message]:
        spoiled: set[int] = set()

        def found(row: int, error: Permanent) -> None:
            spoiled.add(row)
            bad.append(Bad(messages[row], error))
            self._limit.check(len(messages), len(bad), error)

        def attempt_range(start: int, end: int) -> None:
            attempt(messages[start:end])

        bisect(len(messages), attempt_range, found)
        return [message for row, message in enumerate(messages) if row not in spoiled]
