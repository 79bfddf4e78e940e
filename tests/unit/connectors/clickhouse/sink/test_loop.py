"""The loop: nothing is committed before it is in, memory is bounded, one table's trouble stays its own."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

import pytest
from prometheus_client import REGISTRY

from connectors.clickhouse.sink import loop as sink_loop
from connectors.clickhouse.sink.messages import Message, Partition
from connectors.clickhouse.sink.placement.start import Gap
from headwater.errors import Transient
from headwater.health import Check, Health
from headwater.settings import SinkSettings
from tests.fakes.coverage import coverage
from tests.fakes.group import FakeLog, FakeOffsets
from tests.fakes.kafka import FakeMessage
from tests.fakes.log_lines import configured, lines
from tests.fakes.sink import FakeTable
from tests.fakes.sink_thread import BLOCKS, COVERAGE, LOGS, SECONDS, SinkThread, Tables, logs, until
from topics.chainlog.headers import headers


class HeldTable(FakeTable):
    """A table whose inserts wait until the test opens it."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def insert(self, encoded: bytes, rows: int) -> None:
        assert self.open.wait(SECONDS)
        super().insert(encoded, rows)


class Line(SinkThread):
    """One sink with its own log and tables."""

    def __init__(self, logs: FakeTable, blocks: FakeTable, settings: SinkSettings | None = None) -> None:
        self.log, self.tables = FakeLog([LOGS, BLOCKS, COVERAGE]), Tables(logs, blocks)
        self.shown, self.replicas, self.memory = self.tables.shown, self.tables.progress, self.tables.memory
        super().__init__(self.log, self.tables, settings)

    def feed(self, *messages: Message) -> None:
        self.log.append(*messages)

    def committed(self) -> dict[Partition, int]:
        result: dict[Partition, int] = {}
        for commit in list(self.group.commits):
            result |= commit
        return result

    def __enter__(self) -> Line:
        super().__enter__()
        return self


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


def test_messages_and_rebalances_are_counted() -> None:
    def count(name: str, **labels: str) -> float:
        labels |= {"chain": "x", "group": "group"}
        return REGISTRY.get_sample_value(f"headwater_consumer_{name}_total", labels) or 0

    before = count("messages", topic=LOGS.topic), count("rebalances")
    with Line(FakeTable(), FakeTable()) as line:
        line.feed(*logs(1, 2, 3))
        until(lambda: line.committed().get(LOGS) == 3)
    assert count("messages", topic=LOGS.topic) - before[0] == 3
    assert count("rebalances") - before[1] == 1


def test_a_table_that_waits_says_for_which_messages(capsys: pytest.CaptureFixture[str]) -> None:
    broken = FakeTable(failures=1_000_000)
    own = tuple(headers(1, 12, bytes(range(32)), stream="logs"))
    with configured("sink", "x"), Line(broken, FakeTable()) as line:
        line.feed(FakeMessage(LOGS.topic, LOGS.number, 7, b"1", b"", own))
        until(lambda: line.group.paused == {LOGS})
    (told,) = [each for each in lines(capsys) if each["event"] == "the sink waits"]
    names = ("stage", "topic", "partition", "offset", "sequence", "messages", "trace_id")
    trace = "000102030405060708090a0b0c0d0e0f"
    assert [told[name] for name in names] == ["sink", LOGS.topic, LOGS.number, 7, 12, 1, trace]


def test_full_buffers_stop_reading_and_then_pause_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.clickhouse.sink.backpressure.STUCK_SECONDS", 0.2)
    slow = HeldTable()
    with Line(slow, FakeTable(), SinkSettings(batch_rows=10, buffer_messages=1_000)) as line:
        line.feed(*logs(*range(1_200)))
        until(lambda: line.group.paused == {LOGS, BLOCKS, COVERAGE})
        # As the loop's own thread saw it, which goes on while this one looks.
        (one, only), (all_of_them, _) = line.group.pauses[-2:]
        assert only == {LOGS}
        assert all_of_them <= one + 2
        until(lambda: line.group.received > all_of_them + 5)
        slow.open.set()
        until(lambda: line.group.paused == set())
        until(lambda: line.committed().get(LOGS) == 1_200)


def test_a_commit_that_the_broker_rejected_is_made_again() -> None:
    with Line(FakeTable(), FakeTable()) as line:
        line.feed(*logs(1))
        until(lambda: line.committed().get(LOGS) == 1)
        line.group.commits.clear()
        line.group.failed_commits = {LOGS}
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
    assert "are bad" in str(line.error)
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


def test_a_block_whose_rows_were_deleted_before_this_sink_began_is_not_shown_as_whole() -> None:
    """Coverage is kept for ever, rows are not: a fresh sink finds blocks whose rows nobody has stored."""
    line = Line(FakeTable(), FakeTable())
    line.log.trim(LOGS, 5_000)
    line.feed(coverage(0, 10, upto=3_000, number=7), coverage(1, 11, upto=5_010, number=8, logs=2))
    with line:
        line.feed(*logs(*range(10), first=5_000))
        until(lambda: sum(map(len, line.shown.inserts)) == 2)
    rows = {row["block_number"]: row for insert in line.shown.inserts for row in insert}
    assert {number: row["complete"] for number, row in rows.items()} == {7: False, 8: True}
    assert "below offset 5000" in rows[7]["problem"]
    assert line.memory.gaps() == [Gap(LOGS, 0, 5_000)]


def test_what_kafka_lacks_but_clickhouse_has_is_no_gap() -> None:
    line = Line(FakeTable(), FakeTable())
    line.log.trim(LOGS, 5_000)
    line.replicas.store({LOGS: 5_000})
    line.feed(coverage(0, 10, upto=3_000, number=7))
    with line:
        until(lambda: bool(line.shown.inserts))
    assert [row["complete"] for row in line.shown.inserts[0]] == [True]
    assert line.memory.gaps() == []


def test_a_clickhouse_made_anew_gets_what_kafka_still_has() -> None:
    line = Line(FakeTable(), FakeTable())
    line.log.committed = {LOGS: 3, COVERAGE: 1}
    line.feed(coverage(0, 10, upto=3, number=7), *logs(1, 2, 3))
    with line:
        until(lambda: bool(line.shown.inserts))
    assert line.tables.logs.rows == [1, 2, 3]  # type: ignore[attr-defined]


def test_what_retention_takes_while_the_sink_waits_is_a_gap() -> None:
    with Line(FakeTable(), FakeTable()) as line:
        line.feed(*logs(1, 2))
        until(lambda: line.replicas.published.get(LOGS) == 2)
        line.group.hold = True
        line.log.trim(LOGS, 40)
        line.group.hold = False
        line.feed(*logs(3, first=40), coverage(0, 10, upto=40, logs=3))
        until(lambda: bool(line.shown.inserts))
        until(lambda: line.committed().get(LOGS) == 41)
    assert line.memory.gaps() == [Gap(LOGS, 2, 40)]
    assert [row["complete"] for row in line.shown.inserts[0]] == [False]


def test_a_kafka_made_anew_is_rejected() -> None:
    line = Line(FakeTable(), FakeTable())
    line.memory.ids = {LOGS.topic: "another"}
    line.feed(*logs(1))
    with line:
        until(lambda: line.error is not None)
    assert f"progress of another Kafka: {LOGS.topic} was made anew" in str(line.error)
    assert "`headwater sink --accept-topics`" in str(line.error)
    assert (line.tables.logs.rows, line.committed()) == ([], {})  # type: ignore[attr-defined]


def test_a_log_that_ends_before_what_is_stored_of_it_is_rejected_until_it_is_accepted() -> None:
    """Brokers lost an acknowledged tail: what is written there again has offsets that count as stored."""
    line = Line(FakeTable(), FakeTable())
    line.replicas.store({LOGS: 100})
    line.log.committed = {LOGS: 100}
    line.feed(*logs(*range(60)))
    with line:
        until(lambda: line.error is not None)
    assert f"{LOGS.topic}[{LOGS.number}] ends at 60 and is stored up to 100" in str(line.error)
    assert "`headwater sink --accept-topics`" in str(line.error)
    assert (line.tables.logs.rows, line.committed()) == ([], {})  # type: ignore[attr-defined]


def test_a_topic_made_anew_while_it_is_read_ends_the_sink() -> None:
    """Nothing is assigned again: a reader that was held up would go on at its offset in the new log."""
    settings = SinkSettings(batch_rows=10, buffer_messages=1_000, stall_seconds=0.2)
    with Line(FakeTable(), FakeTable(), settings) as line:
        line.feed(*logs(1))
        until(lambda: line.replicas.published.get(LOGS) == 1)
        line.log.topic_ids[LOGS.topic] = "another"
        until(lambda: line.error is not None)
    assert f"progress of another Kafka: {LOGS.topic} was made anew" in str(line.error)


def test_health_says_that_progress_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health()
    monkeypatch.setattr("connectors.clickhouse.sink.report.HEALTH", health)
    monkeypatch.setattr("connectors.clickhouse.sink.report.REPORT_SECONDS", 0.0)
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.001)
    line, away = Line(FakeTable(), FakeTable()), threading.Event()
    away.set()
    store = line.replicas.store

    def refused(positions: Mapping[Partition, int]) -> None:
        if away.is_set():
            raise Transient("sink_progress is read-only")
        store(positions)

    monkeypatch.setattr(line.replicas, "store", refused)
    with line:
        line.feed(*logs(1, 2))
        until(lambda: health.checks().get("clickhouse") == Check(False, "sink_progress is read-only"))
        away.clear()
        until(lambda: health.checks()["clickhouse"].ok)
    assert line.replicas.published[LOGS] == 2


def test_a_reader_that_stands_still_without_a_reason_ends_the_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health()
    monkeypatch.setattr("connectors.clickhouse.sink.report.HEALTH", health)
    settings = SinkSettings(batch_rows=10, buffer_messages=1_000, stall_seconds=0.05)
    line = Line(FakeTable(), FakeTable(), settings)
    line.group.hold = True
    line.feed(*logs(1, 2))
    with line:
        until(lambda: line.error is not None)
    assert f"2 offsets wait, most of them in {LOGS.topic}[2]" in str(line.error)
    assert "starts it again" in str(line.error)
    assert health.alive() is False


def test_who_waits_for_brokers_that_are_away_does_not_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where partitions ended before they went says nothing of what could be read since."""
    asked, away, told = threading.Semaphore(0), threading.Event(), FakeOffsets.end_offsets

    def end_offsets(offsets: FakeOffsets, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        if away.is_set():
            asked.release()
            raise Transient("no broker answers")
        away.set()
        return told(offsets, partitions)

    monkeypatch.setattr(FakeOffsets, "end_offsets", end_offsets)
    line = Line(FakeTable(), FakeTable(), SinkSettings(batch_rows=10, buffer_messages=1_000, stall_seconds=1))
    line.group.hold = True
    line.feed(*logs(1, 2))
    with line:
        for _ in range(6):
            assert asked.acquire(timeout=10)
        assert line.error is None
        monkeypatch.setattr(FakeOffsets, "end_offsets", told)
        until(lambda: line.error is not None)
    assert "2 offsets wait" in str(line.error)


def test_lag_is_held_against_the_brokers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that gets nothing tells no end beyond what it has."""
    monkeypatch.setattr("connectors.clickhouse.sink.report.REPORT_SECONDS", 0.0)
    settings = SinkSettings(batch_rows=10, buffer_messages=1_000, stall_seconds=30)
    line = Line(FakeTable(), FakeTable(), settings)
    monkeypatch.setattr(line.group, "end_offsets", lambda: dict.fromkeys(line.group.assigned, 0))
    line.group.hold = True
    line.feed(*logs(1, 2))
    labels = {"chain": "x", "group": "group", "topic": LOGS.topic, "partition": str(LOGS.number)}
    with line:
        until(lambda: REGISTRY.get_sample_value("headwater_consumer_lag", labels) == 2)
