"""The runner: what is acknowledged and when, and what it does about failures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.retry import Stopped
from streams.runtime.gap import Revoked
from tests.fakes.stage_bench import Bench
from tests.fakes.watched import Watched


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


async def test_a_new_generation_starts_again(bench: Bench) -> None:
    await bench.runner.process(1, [bench.delivery(0, 10, parts=2)])
    await bench.runner.process(2, [bench.delivery(0, 10, parts=2), bench.delivery(1, 10, part=1, parts=2)])
    assert bench.opened == [0, 0]
    assert bench.diary.lines[-2:] == ["ack 0", "ack 1"]


async def test_after_a_stop_nothing_is_begun(bench: Bench) -> None:
    bench.stop.set()
    await bench.runner.process(1, [bench.delivery(0, 10)])
    assert bench.diary.lines == []


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
