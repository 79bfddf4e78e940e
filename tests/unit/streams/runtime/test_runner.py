"""The runner: what is acknowledged and when, and what it does about gaps and failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from prometheus_client import REGISTRY

from headwater.errors import Fatal, Permanent, Transient
from headwater.health import HEALTH, Check
from headwater.retry import Stopped
from headwater.settings import Settings, load_settings
from schemas import frame
from streams.logic.event import ChainEvent
from streams.runtime.assembler import Incoming, Start
from streams.runtime.batch import BatchHandler
from streams.runtime.gap import Revoked
from streams.runtime.runner import Delivery, StageRunner
from streams.runtime.standing import Standing
from streams.stage import Outcome, StageContext
from tests.builders.stage_events import envelope, value_of
from tests.fakes.stage import unread
from tests.fakes.watched import Watched
from topics.chainlog.kinds import EventKind
from topics.groups import Group

STREAM = "normalized-blocks"


def gap_gauge() -> float | None:
    return REGISTRY.get_sample_value("headwater_stage_gap", {"chain": "local", "stage": "state"})


class Diary:
    """Everything in the order in which it happened."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.table_failures = 0
        self.when_the_table_fails: Callable[[], object] = lambda: None
        self.when_handled: Callable[[], object] = lambda: None


class Stage:
    """Writes one table entry an event."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    def handle(self, event: ChainEvent) -> Outcome:
        number = event.envelope.sequence
        if number == 66:
            raise Fatal("sixty-six")
        self._diary.when_handled()
        self._diary.lines.append(f"handle {number}")
        return Outcome(table=[(b"%d" % number, b"x")])

    def placeholder(self, event: ChainEvent, problem: Permanent) -> Outcome:
        return Outcome()

    def restore(self, table: Mapping[bytes, bytes]) -> int | None:
        return None


class Table:
    """Stands for a Faust table; fails as often as told."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    def content(self) -> Mapping[bytes, bytes]:
        return {}

    async def write(self, changes: Sequence[tuple[bytes, bytes | None]]) -> None:
        if self._diary.table_failures:
            self._diary.table_failures -= 1
            self._diary.when_the_table_fails()
            raise Transient("no changelog now")
        self._diary.lines += [f"table {key.decode()}" for key, _ in changes]


class Stop(threading.Event):
    """One whose every wait is over at once, `during` it something may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.during: Callable[[], object] = lambda: None

    def wait(self, timeout: float | None = None) -> bool:
        self.during()
        return self.is_set()


class Bench:
    """A runner whose assignment starts after sequence `last`, without any Kafka."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        claim: int | None = None,
        last: int | None = 9,
    ) -> None:
        self.diary = Diary()
        self.opened: list[int] = []
        self.when_written: Callable[[], object] = lambda: None
        settings = load_settings({"data_dir": str(folder)}, environ={})
        stage = Stage(self.diary)
        group = Group("state", STREAM, None, table="blocks", fenced=claim is not None)
        self.stop = Stop()
        self.generation: int | None = None
        """The only one that the group knows, any before it is set."""
        self.unread = 0
        """So many readings end with an error behind the first message."""
        monkeypatch.setattr("streams.runtime.table_writes._PAUSE_SECONDS", 0)
        table = Table(self.diary)
        context = StageContext(settings, group, lambda _: frame(7), unread)
        self.runner = StageRunner(context, stage, table, self.stop, self._finished, self._holds, Standing())
        self.topic: list[Incoming] = []

        async def opened(first: Incoming) -> BatchHandler:
            self.opened.append(first.offset)
            start = Start() if last is None else Start(last=last, position=0, claim=claim)
            return BatchHandler(settings, group, stage, self._write, self.stop, start, lambda _: None)

        def reread(_: Settings, __: str, ___: int, start: int | None, end: int) -> Iterator[list[Incoming]]:
            self.diary.lines.append(f"reread {start} {end}")
            found = [each for each in self.topic if (start or 0) <= each.offset < end]
            if self.unread:
                self.unread -= 1
                yield found[:1]
                raise Transient("topic[0] gave nothing")
            yield found

        monkeypatch.setattr(self.runner, "_open", opened)
        monkeypatch.setattr("streams.runtime.gap.reread", reread)

    def _holds(self, generation: int) -> bool:
        return self.generation is None or generation == self.generation

    def _finished(self, message: Incoming) -> None:
        self.diary.lines.append(f"below {message.offset}")

    def _write(self, outcomes: Sequence[Outcome]) -> None:
        self.when_written()
        self.diary.lines.append(f"write {len(outcomes)}")

    def delivery(self, offset: int, sequence: int, **parts: Any) -> Delivery:
        value = value_of(envelope(sequence, number=1, **parts), STREAM)
        message = Incoming("topic", 0, offset, None, value, ())
        self.topic.append(message)
        return message, lambda: self.diary.lines.append(f"ack {offset}")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path, monkeypatch)
    yield made
    made.runner.close()


async def test_acknowledged_last_and_in_order(bench: Bench) -> None:
    await bench.runner.process(1, [bench.delivery(0, 9), bench.delivery(1, 10), bench.delivery(2, 11)])
    assert bench.diary.lines == [
        "handle 10", "handle 11", "write 2", "table 10", "table 11", "ack 0", "ack 1", "ack 2",
    ]  # fmt: skip


async def test_nothing_is_acknowledged_beside_an_unfinished_event(bench: Bench) -> None:
    await bench.runner.process(1, [bench.delivery(0, 10), bench.delivery(1, 11, parts=2)])
    assert not [line for line in bench.diary.lines if line.startswith("ack")]
    await bench.runner.process(1, [bench.delivery(2, 11, part=1, parts=2)])
    assert bench.diary.lines[-4:] == ["table 11", "ack 0", "ack 1", "ack 2"]


async def test_a_failure_acknowledges_nothing(bench: Bench) -> None:
    with pytest.raises(Fatal, match="sixty-six"):
        await bench.runner.process(1, [bench.delivery(number, number + 10) for number in range(57)])
    assert not [line for line in bench.diary.lines if line.startswith(("ack", "write", "table"))]
    assert bench.runner.idle.is_set()


async def test_a_table_write_is_tried_until_it_is_taken(bench: Bench) -> None:
    bench.diary.table_failures = 100
    await bench.runner.process(1, [bench.delivery(0, 10)])
    assert bench.diary.lines == ["handle 10", "write 1", "table 10", "ack 0"]


async def test_nothing_follows_a_table_write_that_was_given_up(bench: Bench) -> None:
    bench.diary.table_failures = 2
    bench.diary.when_the_table_fails = lambda: setattr(bench, "generation", 2)
    with pytest.raises(Revoked):
        await bench.runner.process(1, [bench.delivery(0, 10)])
    await bench.runner.process(1, [bench.delivery(1, 11)])
    assert bench.diary.lines == ["handle 10", "write 1"]
    bench.diary.table_failures = 0
    await bench.runner.process(2, [bench.delivery(0, 10), bench.delivery(1, 11)])
    assert bench.diary.lines[-4:] == ["table 10", "table 11", "ack 0", "ack 1"]


async def test_a_stop_ends_the_tries_of_a_table_write(bench: Bench) -> None:
    bench.diary.table_failures = 2
    bench.diary.when_the_table_fails = bench.stop.set
    with pytest.raises(Stopped, match="no changelog now"):
        await bench.runner.process(1, [bench.delivery(0, 10)])
    assert bench.diary.lines == ["handle 10", "write 1"]


async def test_a_gap_is_filled_from_the_topic(bench: Bench) -> None:
    for offset, sequence in ((0, 10), (1, 11), (2, 12)):
        bench.delivery(offset, sequence)
    await bench.runner.process(1, [bench.delivery(3, 13)])
    assert [line for line in bench.diary.lines if line.startswith("handle")] == [
        f"handle {number}" for number in (10, 11, 12, 13)
    ]
    assert bench.diary.lines[0] == "reread 0 3"
    assert bench.diary.lines[-5:] == ["below 3", "handle 13", "write 1", "table 13", "ack 3"]


async def test_who_remembers_nothing_reads_what_is_before_the_first_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, monkeypatch, last=None)
    for offset, sequence in ((4, 10), (5, 11)):
        bench.delivery(offset, sequence)
    await bench.runner.process(1, [bench.delivery(6, 12)])
    await bench.runner.process(1, [bench.delivery(7, 13)])
    bench.runner.close()
    assert bench.diary.lines == [
        "reread None 6", "handle 10", "handle 11", "write 2", "table 10", "table 11", "below 6",
        "handle 12", "write 1", "table 12", "ack 6", "handle 13", "write 1", "table 13", "ack 7",
    ]  # fmt: skip


async def test_who_remembers_nothing_and_is_given_the_oldest_reads_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, monkeypatch, last=None)
    await bench.runner.process(1, [bench.delivery(0, 10)])
    bench.runner.close()
    assert bench.diary.lines == ["handle 10", "write 1", "table 10", "ack 0"]


async def test_a_gap_that_a_claim_shows_is_filled_with_what_came_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, monkeypatch, claim=0)
    for offset, sequence in ((1, 10), (2, 11), (3, 12)):
        bench.delivery(offset, sequence, claim=0)
    claim = bench.delivery(4, 13, claim=-1, kind=EventKind.CLAIM)
    await bench.runner.process(1, [claim, bench.delivery(5, 14, claim=4)])
    bench.runner.close()
    assert [line for line in bench.diary.lines if line.startswith("handle")] == [
        f"handle {number}" for number in (10, 11, 12, 13, 14)
    ]
    assert bench.diary.lines[-2:] == ["ack 4", "ack 5"]


async def test_a_table_that_refuses_what_closes_a_gap_loses_none_of_it(bench: Bench) -> None:
    for offset, sequence in ((0, 10), (1, 11), (2, 12)):
        bench.delivery(offset, sequence)
    bench.diary.table_failures = 10
    await bench.runner.process(1, [bench.delivery(3, 13)])
    assert [line for line in bench.diary.lines if line.startswith(("table", "reread", "ack"))] == [
        "reread 0 3", "table 10", "table 11", "table 12", "table 13", "ack 3",
    ]  # fmt: skip


async def test_what_fails_while_a_gap_is_closed_is_no_gap(bench: Bench) -> None:
    def fails() -> None:
        raise Transient("not of the topic")

    bench.delivery(0, 10)
    bench.when_written = fails
    with pytest.raises(Transient, match="not of the topic"):
        await bench.runner.process(1, [bench.delivery(1, 11)])
    assert bench.diary.lines == ["reread 0 1", "handle 10"]
    assert gap_gauge() == 0


async def test_brokers_that_are_away_while_a_gap_is_read_are_told_as_that(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float | None, bool, Check]] = []
    HEALTH.report("input", True)

    def look() -> None:
        checks = HEALTH.checks()
        seen.append((gap_gauge(), checks["input"].ok, checks["kafka"]))

    bench.stop.during = look
    log = Mock()
    monkeypatch.setattr("streams.runtime.gap._log", log)
    for offset, sequence in ((0, 10), (1, 11), (2, 12)):
        bench.delivery(offset, sequence)
    bench.unread = 2
    await bench.runner.process(1, [bench.delivery(3, 13)])
    told = Check(False, "reading topic again: topic[0] gave nothing")
    assert seen == [(0, True, told)] * 2
    assert HEALTH.checks()["kafka"].ok
    assert not log.error.called
    # Nothing twice, nothing left out.
    assert [line for line in bench.diary.lines if line.startswith(("reread", "table"))] == [
        "reread 0 3", "table 10", "reread 1 3", "table 11", "reread 2 3", "table 12", "table 13",
    ]  # fmt: skip


async def test_a_gap_that_the_topic_has_too_is_waited_at_and_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float | None, Check | None]] = []

    def pause() -> None:
        seen.append((gap_gauge(), HEALTH.checks().get("input")))
        if len(seen) == 3:
            bench.delivery(1, 11)

    bench.stop.during = pause
    log = Mock()
    monkeypatch.setattr("streams.runtime.gap._log", log)
    bench.delivery(0, 10)
    assert gap_gauge() == 0
    await bench.runner.process(1, [bench.delivery(2, 12)])
    assert len(seen) == 3
    for gauge, check in seen:
        assert check is not None
        assert (gauge, check.ok) == (1, False)
        assert "sequence 11 is missing, also from the topic itself" in check.detail
        assert "docs/runbook.md" in check.detail
    assert (gap_gauge(), HEALTH.checks()["input"].ok) == (0, True)
    assert log.error.call_count == log.info.call_count == 1
    assert bench.diary.lines[-1] == "ack 2"


async def test_a_stop_ends_the_wait_at_a_gap(bench: Bench) -> None:
    bench.stop.during = bench.stop.set
    bench.delivery(0, 10)
    with pytest.raises(Stopped, match="sequence 11 is missing"):
        await bench.runner.process(1, [bench.delivery(1, 12)])
    assert "ack 1" not in bench.diary.lines
    # In the wait itself, not behind it.
    assert [line for line in bench.diary.lines if line.startswith("reread")] == ["reread 0 1"]


async def test_who_waits_at_a_gap_leaves_when_the_partition_is_given_out_anew(bench: Bench) -> None:
    bench.stop.during = lambda: setattr(bench, "generation", 2)
    bench.delivery(0, 10)
    with pytest.raises(Revoked):
        await bench.runner.process(1, [bench.delivery(1, 12)])
    assert "ack 1" not in bench.diary.lines
    assert (gap_gauge(), HEALTH.checks()["input"].ok) == (0, True)


async def test_who_waits_for_brokers_at_a_gap_leaves_with_the_partition(bench: Bench) -> None:
    bench.stop.during = lambda: setattr(bench, "generation", 2)
    bench.unread = 2
    bench.delivery(0, 10)
    with pytest.raises(Revoked):
        await bench.runner.process(1, [bench.delivery(1, 12)])
    assert HEALTH.checks()["kafka"].ok


async def test_hours_at_a_gap_are_no_silence(bench: Bench, watched: Watched) -> None:
    pauses = iter(range(20))

    def pause() -> None:
        watched.takes()
        if next(pauses, None) is None:
            bench.stop.set()

    bench.stop.during = pause
    bench.delivery(0, 10)
    with pytest.raises(Stopped):
        await bench.runner.process(1, [bench.delivery(1, 12)])
    assert watched.seen == []


async def test_a_new_generation_starts_again(bench: Bench) -> None:
    await bench.runner.process(1, [bench.delivery(0, 10, parts=2)])
    await bench.runner.process(2, [bench.delivery(0, 10, parts=2), bench.delivery(1, 10, part=1, parts=2)])
    assert bench.opened == [0, 0]
    assert bench.diary.lines[-2:] == ["ack 0", "ack 1"]


async def test_after_a_stop_nothing_is_begun(bench: Bench) -> None:
    bench.stop.set()
    await bench.runner.process(1, [bench.delivery(0, 10)])
    assert bench.diary.lines == []


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(HEALTH, "beats", watched.beats)
    return watched


async def test_many_events_that_each_take_long_are_no_silence(bench: Bench, watched: Watched) -> None:
    bench.diary.when_handled = watched.takes
    await bench.runner.process(1, [bench.delivery(number, number + 10) for number in range(20)])
    assert watched.seen == []


async def test_an_event_that_is_never_decided_hangs_the_stage(bench: Bench, watched: Watched) -> None:
    bench.diary.when_handled = watched.never_ends
    await bench.runner.process(1, [bench.delivery(0, 10)])
    assert watched.seen == ["stage"]


async def test_a_changelog_that_is_away_is_no_silence(
    bench: Bench, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)
    bench.diary.table_failures, bench.diary.when_the_table_fails = 9, watched.takes
    await bench.runner.process(1, [bench.delivery(0, 10)])
    assert watched.seen == []


async def test_a_stage_without_events_rests(bench: Bench, watched: Watched) -> None:
    await bench.runner.process(1, [bench.delivery(0, 10)])
    watched.never_ends()
    assert watched.seen == []
