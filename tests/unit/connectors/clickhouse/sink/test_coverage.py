"""Coverage: retractions at once, applications when ready, incomplete where dead letters are."""

from __future__ import annotations

from prometheus_client import REGISTRY

from connectors.clickhouse.sink.coverage.writer import CoverageWriter, DeadLetter
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.start import Gap
from tests.fakes.coverage import LOGS, TOPICS, Shown, coverage, coverage_writer
from tests.fakes.replicas import FakeLookup


def opened(dead_letters: FakeLookup, *gaps: Gap) -> tuple[CoverageWriter, Shown]:
    table = Shown()
    writer = coverage_writer(table)
    return CoverageWriter(writer, TOPICS, dead_letters, lambda: gaps, "x", clock=lambda: 2_000), table


def test_applications_are_held_and_need_only_topics_that_are_stored() -> None:
    subject, table = opened(FakeLookup())
    read = subject.write([coverage(3, 10)], [])
    (held,) = read.applied
    assert (list(held.needs), held.offset, held.sequence) == ([(LOGS, 20)], 3, 10)
    assert list(held.block) == [1, 7, "hash7"]
    assert table.inserts == []


def test_retractions_go_in_at_once_and_with_what_is_ready_in_one_insert() -> None:
    subject, table = opened(FakeLookup())
    (held,) = subject.write([coverage(3, 12, number=8)], []).applied
    read = subject.write([coverage(4, 11, removed=True)], [held])
    assert [[(row["sequence"], row["removed"]) for row in insert] for insert in table.inserts] == [
        [(11, True), (12, False)]
    ]
    assert (list(read.applied), read.shown) == ([], [held])
    assert [(list(block), sequence) for block, sequence in read.retracted] == [([1, 7, "hash7"], 11)]


def marked(*dead_letters: DeadLetter) -> dict[int, bool]:
    lookup = FakeLookup(*dead_letters)
    subject, table = opened(lookup)
    ready = subject.write([coverage(0, 10, upto=20), coverage(1, 11, upto=26, number=8)], []).applied
    subject.write([], ready)
    assert lookup.asked == [{LOGS.topic: 20 - 5 - 8}]
    return {row["sequence"]: row["complete"] for row in table.inserts[0]}


def test_a_block_with_a_dead_letter_is_incomplete() -> None:
    assert marked() == {10: True, 11: True}
    assert marked(DeadLetter(LOGS, 19, 10)) == {10: False, 11: True}
    assert marked(DeadLetter(LOGS, 21, 11)) == {10: True, 11: False}
    assert marked(DeadLetter(LOGS, 19, 9)) == {10: True, 11: True}


def test_without_a_sequence_the_place_decides_and_doubt_counts_against_the_block() -> None:
    assert marked(DeadLetter(LOGS, 24, None)) == {10: True, 11: False}
    assert marked(DeadLetter(LOGS, 19, None))[10] is False
    assert marked(DeadLetter(Partition(LOGS.topic, 3), 19, None)) == {10: True, 11: True}


def test_the_problem_names_the_places() -> None:
    subject, table = opened(FakeLookup(DeadLetter(LOGS, 18, 10), DeadLetter(LOGS, 19, 10)))
    subject.write([], subject.write([coverage(0, 10)], []).applied)
    (row,) = table.inserts[0]
    assert row["problem"] == (
        "2 of the block's messages are dead letters: x.logs.v1[2]@18, x.logs.v1[2]@19; "
        "`headwater replay` lists them"
    )


def complete(*gaps: Gap) -> dict[int, bool]:
    subject, table = opened(FakeLookup(), *gaps)
    applied = subject.write([coverage(0, 10, upto=20), coverage(1, 11, upto=60, number=8)], []).applied
    subject.write([coverage(2, 12, removed=True, number=9)], applied)
    return {row["sequence"]: row["complete"] for row in table.inserts[0]}


def test_a_block_whose_messages_were_deleted_before_they_were_stored_is_incomplete() -> None:
    assert complete() == {10: True, 11: True, 12: True}
    assert complete(Gap(LOGS, 0, 20)) == {10: False, 11: True, 12: True}
    assert complete(Gap(LOGS, 0, 59)) == {10: False, 11: False, 12: True}
    assert complete(Gap(LOGS, 20, 40)) == {10: True, 11: True, 12: True}
    assert complete(Gap(Partition(LOGS.topic, 3), 0, 99)) == {10: True, 11: True, 12: True}


def test_what_a_repair_takes_back_stands_in_its_window_too() -> None:
    """Behind the records that it makes: without its count a gap among these would not be seen."""
    for deleted, whole in ((5_000 - 31, True), (5_000 - 30, True), (5_000 - 29, False), (5_000 - 17, False)):
        subject, table = opened(FakeLookup(), Gap(LOGS, 0, deleted))
        message = coverage(0, 10, logs=5, upto=5_000, retractions=17)
        subject.write([], subject.write([message], []).applied)
        assert [row["complete"] for row in table.inserts[0]] == [whole]


def test_what_is_missing_is_named_with_the_remedy() -> None:
    subject, table = opened(FakeLookup(), Gap(LOGS, 0, 5_000))
    subject.write([], subject.write([coverage(0, 10)], []).applied)
    (row,) = table.inserts[0]
    assert "x.logs.v1[2] below offset 5000; docs/runbook.md, Refill" in row["problem"]


def sample(name: str, chain: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"chain": chain})


def test_how_late_blocks_are_is_told_by_the_next_ones_of_the_chain_alone() -> None:
    """Not by an old block that is repaired, nor by what was published before this process began."""
    now = 1_000_000
    letters = FakeLookup()
    writer = coverage_writer(Shown())
    subject = CoverageWriter(writer, TOPICS, letters, list, "late", clock=lambda: now)
    names = ("sink_visible_blocks_total", "block_age_visible_seconds_count", "block_visible_seconds_count")
    counted = [f"headwater_{name}" for name in names]
    assert [sample(name, "late") for name in counted] == [0, 0, 0]
    blocks = [
        coverage(0, 10, number=7, mined=now - 5_000, observed_at=now + 1),
        coverage(1, 11, number=8, mined=now - 1_000, observed_at=now + 2),
        coverage(2, 12, number=3, mined=now - 900_000, observed_at=now + 3),
        coverage(3, 13, number=9, mined=now - 900_000, observed_at=now - 1),
    ]
    subject.write([], subject.write(blocks, []).applied)
    assert [sample(name, "late") for name in counted] == [4, 2, 2]
    assert sample("headwater_block_age_visible_seconds_sum", "late") == 6
