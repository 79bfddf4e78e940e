"""The loop: nothing is committed before it is in, memory is bounded, one table's trouble stays its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue

import pytest

from connectors.clickhouse.sink import loop as sink_loop
from connectors.clickhouse.sink.bisect import BadRowLimit
from connectors.clickhouse.sink.buffer import Buffer
from connectors.clickhouse.sink.coverage.replicas import ReplicaProgress
from connectors.clickhouse.sink.coverage.writer import CoverageWriter
from connectors.clickhouse.sink.lane import Finished, Lane
from connectors.clickhouse.sink.loop import Sink
from connectors.clickhouse.sink.messages import Message, Partition
from connectors.clickhouse.sink.retries import retry_for
from connectors.clickhouse.sink.stream import CoverageStream, JobResult, ProgressPublisher, RowStream
from connectors.clickhouse.sink.writer import Writer
from headwater.errors import Fatal
from headwater.settings import SinkSettings
from tests.fakes.coverage import TOPICS, FakeLookup, Shown, coverage, coverage_writer
from tests.fakes.group import FakeGroup, FakeLog
from tests.fakes.sink import FakeDeadLetters, FakeMessage, FakeReader, FakeTable

LOGS, BLOCKS, COVERAGE = Partition("x.logs.v1", 2), Partition("x.blocks.v1", 0), Partition("x.coverage.v1", 0)
SECONDS = 10.0


class HeldTable(FakeTable):
    """A table whose inserts wait until the test opens it."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def insert(self, encoded: bytes, rows: int) -> None:
        assert self.open.wait(SECONDS)
        super().insert(encoded, rows)


class NoReplicas(ReplicaProgress):
    """What is published, and nothing to be asked."""

    def __init__(self) -> None:
        self.published: dict[Partition, int] = {}

    def store(self, positions: Mapping[Partition, int]) -> None:
        self.published |= positions

    def positions(self) -> dict[Partition, int]:
        return {}


class Line:
    """A sink of two streams and coverage, running in a thread of its own."""

    def __init__(self, logs: FakeTable, blocks: FakeTable, settings: SinkSettings | None = None) -> None:
        self.log = FakeLog([LOGS, BLOCKS, COVERAGE])
        self.group, self.shown, self.replicas = FakeGroup(self.log), Shown(), NoReplicas()
        self.stop = threading.Event()
        self.error: Fatal | None = None
        done: SimpleQueue[Finished[JobResult]] = SimpleQueue()

        def rows(topic: str, table: FakeTable) -> RowStream:
            writer = Writer(
                FakeReader(),
                table,
                FakeDeadLetters(),
                BadRowLimit(topic, 0.2),
                retry_for(topic, self.stop),
                "x",
            )
            return RowStream(topic, Buffer(10, 0.05), Lane(topic, done), writer)

        writer = coverage_writer(self.shown, self.stop)
        covered = CoverageStream(
            COVERAGE.topic,
            Buffer(10, 0.05),
            Lane("coverage", done),
            writer.retry,
            CoverageWriter(writer, TOPICS, FakeLookup(), "x"),
        )
        publisher = ProgressPublisher(Lane("progress", done), retry_for("progress", self.stop), self.replicas)
        streams = [rows(LOGS.topic, logs), rows(BLOCKS.topic, blocks)]
        self.sink = Sink(
            settings or SinkSettings(batch_rows=10, buffer_messages=1_000),
            "x",
            "group",
            self.group,
            streams,
            covered,
            publisher,
            done,
        )
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.sink.run(self.stop)
        except Fatal as error:
            self.error = error

    def feed(self, *messages: Message) -> None:
        self.log.append(*messages)

    def committed(self) -> dict[Partition, int]:
        result: dict[Partition, int] = {}
        for commit in list(self.group.commits):
            result |= commit
        return result

    def __enter__(self) -> Line:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
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


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_loop, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr("connectors.clickhouse.sink.stream.PUBLISH_SECONDS", 0.0)


def test_offsets_are_committed_only_after_the_insert() -> None:
    table = HeldTable()
    with Line(table, FakeTable()) as line:
        line.feed(*logs(1, 2, 3, first=5))
        before = line.group.received
        until(lambda: line.group.received > before + 20)
        assert line.committed().get(LOGS, 0) <= 5
        table.open.set()
        until(lambda: line.committed().get(LOGS) == 8)
        assert table.rows == [1, 2, 3]
        until(lambda: line.replicas.published.get(LOGS) == 8)


def test_a_block_shows_when_its_rows_are_in_and_its_coverage_is_committed_then() -> None:
    table = HeldTable()
    with Line(table, FakeTable()) as line:
        line.feed(coverage(4, 10, upto=2))
        line.feed(*logs(1, 2))
        until(lambda: line.replicas.published.get(COVERAGE) == 5)
        assert line.shown.inserts == []
        assert line.committed().get(COVERAGE, 4) == 4
        table.open.set()
        until(lambda: line.committed().get(COVERAGE) == 5)
        assert [row["sequence"] for row in line.shown.inserts[0]] == [10]


def test_a_revert_is_shown_while_rows_are_stuck_and_drops_what_waits() -> None:
    table = HeldTable()
    with Line(table, FakeTable()) as line:
        line.feed(coverage(4, 10, upto=2), *logs(1, 2))
        line.feed(coverage(5, 11, removed=True))
        until(lambda: [[row["sequence"] for row in each] for each in line.shown.inserts] == [[11]])
        until(lambda: line.committed().get(COVERAGE) == 6)
        table.open.set()
        until(lambda: line.committed().get(LOGS) == 2)
        assert len(line.shown.inserts) == 1


def test_trouble_with_one_table_leaves_the_others_alone() -> None:
    broken, fine = FakeTable(failures=1_000_000), FakeTable()
    with Line(broken, fine) as line:
        line.feed(*logs(1))
        until(lambda: line.group.paused == {LOGS})
        line.feed(FakeMessage(BLOCKS.topic, BLOCKS.number, 0, b"7"))
        until(lambda: line.committed().get(BLOCKS) == 1)
        assert line.committed().get(LOGS, 0) == 0
        broken.failures = 0
        until(lambda: line.committed().get(LOGS) == 1)
        until(lambda: line.group.paused == set())


def test_full_buffers_stop_reading_and_then_pause_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.clickhouse.sink.backpressure.STUCK_SECONDS", 0.2)
    slow = HeldTable()
    with Line(slow, FakeTable(), SinkSettings(batch_rows=10, buffer_messages=1_000)) as line:
        line.feed(*logs(*range(1_200)))
        until(lambda: line.group.paused == {LOGS})
        received = line.group.received
        until(lambda: line.group.paused == {LOGS, BLOCKS, COVERAGE})
        assert line.group.received <= received + 2
        until(lambda: line.group.received > received + 5)
        slow.open.set()
        until(lambda: line.group.paused == set())
        until(lambda: line.committed().get(LOGS) == 1_200)


def test_a_commit_that_the_broker_refused_is_made_again() -> None:
    with Line(FakeTable(), FakeTable()) as line:
        line.feed(*logs(1))
        until(lambda: line.committed().get(LOGS) == 1)
        line.group.commits.clear()
        line.group.refused = {LOGS}
        until(lambda: line.committed().get(LOGS) == 1)


def test_what_finishes_after_its_partition_went_away_is_not_committed() -> None:
    table = HeldTable()
    with Line(table, FakeTable()) as line:
        line.feed(*logs(*range(5)))
        until(line.group.drained)
        line.group.give_back(LOGS)
        until(line.group.settled)
        table.open.set()
        until(lambda: table.rows == list(range(5)))
    assert line.committed().get(LOGS, 0) == 0


def test_what_began_under_a_former_assignment_says_nothing_about_the_next() -> None:
    """A coverage job is writing while its partition is lost and comes back."""
    with Line(FakeTable(), FakeTable()) as line:
        line.shown.open.clear()
        line.feed(coverage(0, 10, upto=50, number=7))
        until(lambda: len(line.sink._holdback) == 1)
        line.feed(coverage(1, 11, removed=True, number=99))
        until(lambda: line.shown.waiting)
        line.group.hold = True
        line.group.lose(COVERAGE)
        line.group.gain(COVERAGE)
        until(line.group.settled)
        line.shown.open.set()
        until(lambda: not line.sink._coverage.lane.busy)
        seen = line.group.received
        until(lambda: line.group.received > seen + 3)
        assert line.committed().get(COVERAGE, 0) == 0
        line.group.hold = False
        until(lambda: len(line.sink._holdback) == 1)
        line.feed(*logs(1, first=49))
        until(lambda: line.committed().get(COVERAGE) == 2)
    shown = [row["block_number"] for insert in line.shown.inserts for row in insert]
    assert 7 in shown


def test_too_many_bad_rows_end_the_loop() -> None:
    with Line(FakeTable(), FakeTable()) as line:
        line.feed(*[FakeMessage(LOGS.topic, LOGS.number, n, b"x") for n in range(10)])
        line.feed(*[FakeMessage(LOGS.topic, LOGS.number, n, b"x") for n in range(10, 30)])
        until(lambda: line.error is not None)
    assert "cannot be stored" in str(line.error)
    assert line.committed().get(LOGS, 0) < 30


def test_drain_waits_for_what_is_in_flight_and_leave_commits_it() -> None:
    table = HeldTable()
    with Line(table, FakeTable()) as line:
        line.feed(*logs(1, 2))
        until(line.group.drained)
        until(lambda: line.sink._rows[LOGS.topic].lane.busy)
    opener = threading.Timer(0.05, table.open.set)
    opener.start()
    line.sink.drain(SECONDS)
    line.sink.leave()
    assert table.rows == [1, 2]
    assert line.committed()[LOGS] == 2
