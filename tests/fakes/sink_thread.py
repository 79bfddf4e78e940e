"""A whole sink over a log in memory: the real loop, lanes and writers, run by a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from connectors.clickhouse.sink.bisect import BadRowLimit
from connectors.clickhouse.sink.buffer import Buffer
from connectors.clickhouse.sink.coverage.writer import CoverageWriter
from connectors.clickhouse.sink.lane import Finished, Lane
from connectors.clickhouse.sink.loop import Sink
from connectors.clickhouse.sink.messages import Message, Partition
from connectors.clickhouse.sink.placement.placement import Placement
from connectors.clickhouse.sink.retries import retry_for
from connectors.clickhouse.sink.stream import (
    CoverageStream,
    EndOffsetsLane,
    JobResult,
    PlacementLane,
    ProgressPublisher,
    RowStream,
)
from connectors.clickhouse.sink.writer import Target, Writer
from headwater.errors import Fatal
from headwater.settings import SinkSettings
from tests.fakes.coverage import TOPICS, Shown, coverage_writer
from tests.fakes.group import FakeGroup, FakeLog, FakeOffsets
from tests.fakes.kafka import FakeMessage
from tests.fakes.replicas import FakeLookup, FakeMemory, SharedProgress
from tests.fakes.sink import FakeDeadLetters, FakeReader

LOGS, BLOCKS, COVERAGE = Partition("x.logs.v1", 2), Partition("x.blocks.v1", 0), Partition("x.coverage.v1", 0)
SECONDS = 10.0


class Tables:
    """One ClickHouse, of all replicas: rows of logs and blocks, coverage, and what replicas remember."""

    def __init__(self, logs: Target, blocks: Target) -> None:
        self.logs, self.blocks, self.shown = logs, blocks, Shown()
        self.progress = SharedProgress()
        self.memory = FakeMemory(self.progress)


class SinkThread:
    """A sink of two streams and coverage, running in a thread of its own."""

    def __init__(
        self,
        log: FakeLog,
        tables: Tables,
        settings: SinkSettings | None = None,
        first: Sequence[Partition] | None = None,
    ) -> None:
        self.group = FakeGroup(log, first)
        self.stop = threading.Event()
        self.error: Fatal | None = None
        done: SimpleQueue[Finished[JobResult]] = SimpleQueue()
        settings = settings or SinkSettings(batch_rows=10, buffer_messages=1_000)

        def rows(topic: str, table: Target) -> RowStream:
            limit, retry = BadRowLimit(topic, 0.2), retry_for(topic, self.stop)
            writer = Writer(FakeReader(), table, FakeDeadLetters(), limit, retry, "x")
            return RowStream(topic, Buffer(10, 0.05), Lane(topic, done), writer)

        offsets, writer = FakeOffsets(log), coverage_writer(tables.shown, self.stop)
        placement = Placement(list(TOPICS), offsets, tables.memory, tables.progress)
        covered = CoverageStream(
            COVERAGE.topic,
            Buffer(10, 0.05),
            Lane("coverage", done),
            writer.retry,
            CoverageWriter(writer, TOPICS, FakeLookup(), tables.memory.gaps, "x"),
        )
        self.sink = Sink(
            settings,
            "x",
            "group",
            self.group,
            [rows(LOGS.topic, tables.logs), rows(BLOCKS.topic, tables.blocks)],
            covered,
            ProgressPublisher(Lane("progress", done), retry_for("progress", self.stop), tables.progress),
            PlacementLane(Lane("placement", done), retry_for("placement", self.stop), placement),
            EndOffsetsLane(Lane("ends", done), offsets, placement.check, settings.stall_seconds / 4),
            done,
        )
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.sink.run(self.stop)
        except Fatal as error:
            self.error = error

    def __enter__(self) -> SinkThread:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """No word to the group, nothing more is committed; what is in flight may still go in."""
        self.stop.set()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


def logs(*numbers: int, first: int = 0) -> list[Message]:
    return [FakeMessage(LOGS.topic, LOGS.number, first + n, b"%d" % each) for n, each in enumerate(numbers)]


def until(wanted: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.002)
