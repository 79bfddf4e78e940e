"""A stream on its way into its table: the buffer, the lane that writes, and the jobs it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.clickhouse.sink.buffer import Buffer
from connectors.clickhouse.sink.coverage.holdback import Held
from connectors.clickhouse.sink.coverage.replicas import Ledger
from connectors.clickhouse.sink.coverage.writer import GateWriter, Read
from connectors.clickhouse.sink.lane import Lane
from connectors.clickhouse.sink.messages import Message, Partition, ends
from connectors.clickhouse.sink.writer import Retry, Writer


@dataclass(frozen=True, slots=True)
class Done:
    """What a job came to: how far partitions are stored, here and as other replicas say."""

    stored: Mapping[Partition, int] = field(default_factory=dict)
    read: Read | None = None
    elsewhere: Mapping[Partition, int] = field(default_factory=dict)


class Rows:
    """A stream whose messages become rows as they come."""

    def __init__(self, topic: str, buffer: Buffer, lane: Lane[Done], writer: Writer) -> None:
        self.topic = topic
        self.buffer = buffer
        self.lane = lane
        self.retry: Retry = writer.retry
        self._writer = writer
        self._batch = 0

    @property
    def in_flight(self) -> int:
        """Messages that the lane is writing."""
        return self._batch if self.lane.busy else 0

    def start(self, messages: Sequence[Message]) -> None:
        """Write a batch."""
        self._batch = len(messages)
        writer, stored = self._writer, ends(messages)

        def job() -> Done:
            writer.write(messages)
            return Done(stored)

        self.lane.start(job)


class Gate:
    """Coverage, which is read at once and written when its blocks are in."""

    def __init__(
        self, topic: str, buffer: Buffer, lane: Lane[Done], retry: Retry, writer: GateWriter
    ) -> None:
        self.topic = topic
        self.buffer = buffer
        self.lane = lane
        self.retry = retry
        self._writer = writer
        self._batch = 0

    @property
    def in_flight(self) -> int:
        """Messages that the lane is reading."""
        return self._batch if self.lane.busy else 0

    def start(self, messages: Sequence[Message], ready: Sequence[Held]) -> None:
        """Read a batch, write its retractions and the rows of `ready`."""
        self._batch = len(messages)
        writer, stored = self._writer, ends(messages)
        self.lane.start(lambda: Done(stored, writer.write(messages, ready)))


class Teller:
    """Progress, told to other replicas and asked of them."""

    def __init__(self, lane: Lane[Done], retry: Retry, ledger: Ledger) -> None:
        self.lane = lane
        self._retry = retry
        self._ledger = ledger

    def start(self, positions: Mapping[Partition, int], ask: bool) -> None:
        """Store positions; with `ask` also learn everybody's."""
        ledger, retry = self._ledger, self._retry

        def job() -> Done:
            retry(lambda: ledger.store(positions))
            return Done(elsewhere=retry(ledger.positions) if ask else {})

        self.lane.start(job)
