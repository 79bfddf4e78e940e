"""A stream on its way into its table: the buffer, the lane that writes, and the jobs it is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from connectors.clickhouse.sink.buffer import Buffer
from connectors.clickhouse.sink.coverage.holdback import Held
from connectors.clickhouse.sink.coverage.writer import CoverageBatch, CoverageWriter
from connectors.clickhouse.sink.lane import Lane
from connectors.clickhouse.sink.messages import STAGE, Assignments, Message, Partition, next_offsets
from connectors.clickhouse.sink.placement.placement import Offsets, Placement
from connectors.clickhouse.sink.writer import Writer
from headwater.errors import Transient
from headwater.health import HEALTH
from headwater.logging import about
from headwater.retry import Retry
from topics.chainlog.log_fields import message_fields

PUBLISH_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job came to: how far partitions are stored, here and as other replicas say; where to begin with
    partitions, and where they end as the brokers say.

    `stored`, `read` and `start_offsets` are about partitions as they were assigned when the job began.
    """

    stored: Mapping[Partition, int] = field(default_factory=dict)
    assignments: Assignments = field(default_factory=dict)
    read: CoverageBatch | None = None
    elsewhere: Mapping[Partition, int] = field(default_factory=dict)
    start_offsets: Mapping[Partition, int] = field(default_factory=dict)
    end_offsets: Mapping[Partition, int] = field(default_factory=dict)


class RowStream:
    """A stream whose messages become rows as they come."""

    def __init__(self, topic: str, buffer: Buffer, lane: Lane[JobResult], writer: Writer) -> None:
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

    def start(self, messages: Sequence[Message], assignments: Assignments) -> None:
        """Write a batch, which came under these assignments."""
        self._batch = len(messages)
        self.lane.start(partial(self._job, messages, assignments))

    def _job(self, messages: Sequence[Message], assignments: Assignments) -> JobResult:
        with about(partial(message_fields, STAGE, messages[0], len(messages))):
            self._writer.write(messages)
        return JobResult(next_offsets(messages), assignments)


class CoverageStream:
    """Coverage, which is read at once and written when its blocks are in."""

    def __init__(
        self, topic: str, buffer: Buffer, lane: Lane[JobResult], retry: Retry, writer: CoverageWriter
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

    def start(self, messages: Sequence[Message], assignments: Assignments, ready: Sequence[Held]) -> None:
        """Read a batch, which came under these assignments; write its retractions and the rows of `ready`."""
        self._batch = len(messages)
        self.lane.start(partial(self._job, messages, assignments, ready))

    def _job(self, messages: Sequence[Message], assignments: Assignments, ready: Sequence[Held]) -> JobResult:
        # Rows of blocks that are whole by now go in without a new message.
        first = messages[0] if messages else ready[0].message
        with about(partial(message_fields, STAGE, first, len(messages) + len(ready))):
            read = self._writer.write(messages, ready)
        return JobResult(next_offsets(messages), assignments, read)


class Replicas(Protocol):
    """What replicas tell each other of how far they are: `ReplicaProgress`. All raise Transient."""

    def store(self, positions: Mapping[Partition, int]) -> None: ...
    def positions(self) -> Mapping[Partition, int]: ...


class ProgressPublisher:
    """How far this process is, published for the other replicas; and how far they are, asked of them."""

    def __init__(self, lane: Lane[JobResult], retry: Retry, replicas: Replicas) -> None:
        self.lane = lane
        self.retry = retry
        self._replicas = replicas
        self._unpublished: dict[Partition, int] = {}
        self._published = float("-inf")

    def moved(self, positions: Mapping[Partition, int]) -> None:
        """These positions are to be published when it is time."""
        self._unpublished |= positions

    def publish(self, now: float, ask: bool) -> None:
        """Store what is new; with `ask` also learn everybody's. Not more often than a few times a second."""
        due = not self.lane.busy and now - self._published >= PUBLISH_SECONDS
        if due and (self._unpublished or ask):
            self._published = now
            positions, self._unpublished = self._unpublished, {}
            self.lane.start(partial(self._job, positions, ask))

    def _job(self, positions: Mapping[Partition, int], ask: bool) -> JobResult:
        self.retry(partial(self._replicas.store, positions))
        return JobResult(elsewhere=self.retry(self._replicas.positions) if ask else {})


class PlacementLane:
    """Where the reading of assigned partitions begins."""

    def __init__(self, lane: Lane[JobResult], retry: Retry, placement: Placement) -> None:
        self.lane = lane
        self.retry = retry
        self._placement = placement

    def start(self, partitions: Sequence[Partition], assignments: Assignments) -> None:
        """Find out for partitions that were assigned; several at once."""
        self.lane.start(partial(self._job, partitions, assignments))

    def _job(self, partitions: Sequence[Partition], assignments: Assignments) -> JobResult:
        start_offsets = self.retry(partial(self._placement.start_offsets, partitions))
        return JobResult(assignments=assignments, start_offsets=start_offsets)


class EndOffsetsLane:
    """Where partitions end as the brokers say, asked now and then: one that stands still does not know.

    With that, whether the topics are still those that are read: `check` raises Fatal, or Transient.
    """

    def __init__(
        self, lane: Lane[JobResult], offsets: Offsets, check: Callable[[], None], seconds: float
    ) -> None:
        self.lane = lane
        self._offsets = offsets
        self._check = check
        self._seconds = seconds
        self._asked = float("-inf")
        self.silent = False
        """The brokers did not answer the last time: what they said before may be of long ago."""

    def ask(self, now: float, partitions: Collection[Partition]) -> None:
        """Ask when it is time; `now` in seconds."""
        if partitions and not self.lane.busy and now - self._asked >= self._seconds:
            self._asked = now
            self.lane.start(partial(self._job, list(partitions)))

    def _job(self, partitions: Sequence[Partition]) -> JobResult:
        try:
            self._check()
            end_offsets = self._offsets.end_offsets(partitions)
        except Transient as error:
            # Asked again in a moment; the consumer gets over it by itself.
            HEALTH.report("kafka", False, str(error))
            self.silent = True
            return JobResult()
        HEALTH.report("kafka", True)
        self.silent = False
        return JobResult(end_offsets=end_offsets)
