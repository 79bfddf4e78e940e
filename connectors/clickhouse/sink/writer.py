"""Writing a batch: read it, encode it, insert it, and at each step set the bad rows aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from connectors.clickhouse.sink.bisect import BadRowLimit, bisect
from connectors.clickhouse.sink.messages import Bad, Message, present
from connectors.clickhouse.sink.rows import Columns, Reader
from connectors.clickhouse.sink.table import MemoryLimit
from headwater.errors import HeadwaterError, Permanent, Transient
from headwater.heartbeat import beat
from headwater.logging import get_logger
from headwater.metrics import sink as metrics
from headwater.redaction import brief
from headwater.retry import Retry

# Rows that are read and encoded at a time: what they become for a moment stays in the processor's cache.
CHUNK_ROWS: Final = 4096
_log = get_logger("connectors.clickhouse.sink")
T = TypeVar("T")
Adjust = Callable[[Columns], Columns]


class _TooLarge(HeadwaterError):  # noqa: N818 - a verdict for the caller, which halves
    """The batch meets a limit of memory. Not Transient: the same size is not tried again."""


def _as_read(columns: Columns) -> Columns:
    return columns


class Target(Protocol):
    """A table: `Table`, or a fake."""

    @property
    def name(self) -> str: ...
    def encode(self, columns: Columns) -> bytes: ...
    def insert(self, encoded: bytes, rows: int) -> None: ...


class DeadLetterWriter(Protocol):
    """The dead letters."""

    def send(self, bad: Sequence[Bad]) -> None: ...


class Direct(Protocol):
    """Inserts messages without reading them here: `Joined`."""

    @property
    def least_rows(self) -> int: ...
    def insert(self, messages: Sequence[Message]) -> None: ...


class Writer:
    """Writes the batches of one stream into its table, with `direct` as they came where ClickHouse takes
    them so.
    """

    def __init__(
        self,
        reader: Reader,
        table: Target,
        letters: DeadLetterWriter,
        limit: BadRowLimit,
        retry: Retry,
        chain: str,
        direct: Direct | None = None,
    ) -> None:
        self._direct = direct
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
        self.insert(present(messages), bad)
        self.dead_letter(len(messages), bad)

    def read(self, messages: Sequence[Message], bad: list[Bad]) -> tuple[Sequence[Message], Columns]:
        """The messages that are records, and their columns; the others are added to `bad`."""
        return self._good(messages, bad, self._read)

    def insert(self, messages: Sequence[Message], bad: list[Bad], adjust: Adjust = _as_read) -> None:
        """Insert messages as rows; those that cannot be are added to `bad`. `adjust` has the last word on
        the columns.
        """
        if adjust is _as_read and self._taken_directly(messages):
            metrics.SINK_ROWS.labels(self._chain, self._table.name).inc(len(messages))
            return
        encode = partial(self._encode, adjust)
        kept: list[Message] = []
        blocks: list[bytes] = []
        for part in _chunks(messages):
            good, block = self._good(part, bad, encode)
            if good:
                kept += good
                blocks.append(block)
        if kept:
            # Several blocks in one body are one insert.
            encoded = b"".join(blocks)
            blocks.clear()
            try:
                self._send(encoded, kept, adjust)
            except Permanent:
                kept = self._bisected(kept, bad, partial(self._encode_and_send, adjust))
            metrics.SINK_ROWS.labels(self._chain, self._table.name).inc(len(kept))

    def dead_letter(self, rows: int, bad: Sequence[Bad]) -> None:
        """Send the bad ones of a batch to the dead letters."""
        if bad:
            self.retry(partial(self._letters.send, bad))
        self._limit.done(rows, len(bad))

    def _taken_directly(self, messages: Sequence[Message]) -> bool:
        """Whether ClickHouse has acknowledged the messages as they are.

        One attempt: whatever ails, malformed messages, too little memory or a server that is away, the way
        through the reader knows what to do about it, and rows that are in already do no harm twice.
        """
        if self._direct is None or len(messages) < self._direct.least_rows:
            return False
        try:
            self._direct.insert(messages)
        except (Permanent, Transient) as error:
            _log.info(
                "the batch is read here", table=self._table.name, rows=len(messages), error=brief(error)
            )
            return False
        return True

    def _read(self, messages: Sequence[Message]) -> Columns:
        return self.retry(partial(self._reader.columns, messages))

    def _encode(self, adjust: Adjust, messages: Sequence[Message]) -> bytes:
        return self._table.encode(adjust(self._read(messages)))

    def _send(self, encoded: bytes, messages: Sequence[Message], adjust: Adjust) -> None:
        """Insert, in halves where memory does not suffice: in order, so that what was first stays first."""
        try:
            self.retry(partial(self._attempt, encoded, len(messages)))
        except _TooLarge as error:
            _log.warning("the batch is halved", table=self._table.name, rows=len(messages), error=str(error))
            middle = len(messages) // 2
            for half in (messages[:middle], messages[middle:]):
                self._encode_and_send(adjust, half)

    def _attempt(self, encoded: bytes, rows: int) -> None:
        try:
            self._table.insert(encoded, rows)
        except MemoryLimit as error:
            if rows == 1:
                raise  # It cannot be smaller, so it waits for memory as for anything that passes.
            metrics.SINK_RETRIES.labels(self._table.name).inc()
            raise _TooLarge(error.message) from error

    def _encode_and_send(self, adjust: Adjust, messages: Sequence[Message]) -> None:
        if messages:
            encoded = b"".join([self._encode(adjust, part) for part in _chunks(messages)])
            self._send(encoded, messages, adjust)

    def _good(
        self, messages: Sequence[Message], bad: list[Bad], step: Callable[[Sequence[Message]], T]
    ) -> tuple[Sequence[Message], T]:
        """The step's result for the messages that it takes, and these."""
        try:
            return messages, step(messages)
        except Permanent:
            good = self._bisected(messages, bad, step)
            return good, step(good)

    def _bisected(
        self, messages: Sequence[Message], bad: list[Bad], step: Callable[[Sequence[Message]], object]
    ) -> list[Message]:
        """The messages without those that the step rejects alone, which are added to `bad`."""
        search = _Search(messages, bad, self._limit, step)
        bisect(len(messages), search.attempt, search.found)
        return [message for row, message in enumerate(messages) if row not in search.bad_rows]


class _Search:
    """The rows of one batch that a step rejects. Raises Fatal once they are too many."""

    def __init__(
        self,
        messages: Sequence[Message],
        bad: list[Bad],
        limit: BadRowLimit,
        step: Callable[[Sequence[Message]], object],
    ) -> None:
        self.bad_rows: set[int] = set()
        self._messages = messages
        self._bad = bad
        self._limit = limit
        self._step = step

    def attempt(self, start: int, end: int) -> None:
        """Take the step with a range of the batch."""
        self._step(self._messages[start:end])

    def found(self, row: int, error: Permanent) -> None:
        """One row is bad by itself."""
        self.bad_rows.add(row)
        self._bad.append(Bad(self._messages[row], error))
        self._limit.check(len(self._messages), len(self._bad), error)


def _chunks(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), CHUNK_ROWS):
        beat()
        yield messages[start : start + CHUNK_ROWS]
