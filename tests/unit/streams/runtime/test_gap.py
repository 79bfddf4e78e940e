"""Gaps: what the topic itself has is read again; what it lacks is waited for, and said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from prometheus_client import REGISTRY

from headwater.errors import Transient
from headwater.health import HEALTH, Check
from headwater.retry import Stopped
from streams.runtime.gap import Revoked
from tests.fakes.stage_bench import Bench
from tests.fakes.watched import Watched
from topics.chainlog.kinds import EventKind


def gap_gauge() -> float | None:
    return REGISTRY.get_sample_value("headwater_stage_gap", {"chain": "local", "stage": "state"})


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path, monkeypatch)
    yield made
    made.runner.close()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(HEALTH, "beats", watched.beats)
    return watched


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
