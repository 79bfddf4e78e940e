"""Correct lives of a chain are found correct; each way to be wrong is found, and by its own name."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit.stream_check.algebra.asked import Range
from audit.stream_check.algebra.finding import KINDS, Finding
from audit.stream_check.algebra.fold import DEPTH, StreamCheck
from audit.stream_check.algebra.fronts import Front, Fronts
from audit.stream_check.algebra.record import Partition, Record
from tests.builders.public_topics import PARTITIONS, SECOND, Happened, Life, live
from topics.coverage import BLOCKS, COVERAGE

Topics = Mapping[Partition, list[Record]]
seeds = st.integers(0, 2**32)


def checked(
    topics: Topics,
    seed: int = 0,
    *,
    fronts: Mapping[Partition, Front] | None = None,
    asked: Range | None = None,
    depth: int = DEPTH,
) -> tuple[list[Finding], StreamCheck]:
    """The findings of reading the partitions in some interleaving, judging whatever can be judged."""
    chance = random.Random(seed)
    found: list[Finding] = []
    check = StreamCheck(PARTITIONS, found.append, fronts=Fronts(fronts), asked=asked, depth=depth)
    left = {partition: iter(records) for partition, records in topics.items()}
    while left:
        partition = chance.choice([*left])
        for _ in range(chance.randint(1, 5)):
            record = next(left[partition], None)
            if record is None:
                del left[partition]
                break
            check.add(record)
        check.settle(check.progress.limit(ended=topics.keys() - left.keys()))
    check.close()
    assert {each.kind for each in found} <= KINDS.keys()
    return found, check


def kinds(topics: Topics) -> set[str]:
    """What is found of messages too new for compaction to explain anything."""
    return {each.kind for each in checked(topics, asked=Range(compacted_before_ms=0))[0]}


@given(seeds, st.integers(1, 30))
def test_nothing_is_found_in_a_life_but_what_a_stage_set_aside(seed: int, events: int) -> None:
    life = live(seed, events)
    found, check = checked(life.topics, seed)
    assert [each for each in found if each.kind != "incomplete"] == []
    assert {bytes.fromhex(str(each.block_hash)[2:]) for each in found} == life.incomplete
    assert sum(check.tally.events.values()) == len(life.events)
    assert not check.waiting
    kinds = {event.kind for event in life.events}
    assert set(check.tally.events) == kinds


@given(seeds)
def test_with_little_memory_less_is_judged_and_nothing_is_made_up(seed: int) -> None:
    life = live(seed, 30, failures=False)
    found, check = checked(life.topics, seed, depth=2)
    assert found == []
    assert check.waiting == check.held == 0
    assert check.tip is not None
    assert check.remembered <= sum(block.number >= check.tip.number - 2 for block in life.blocks)


@example(108861)  # Two repairs that join come first.
@example(111)  # A block's place is known, and then the range has another beginning.
@example(248)  # A repeat's first copy lies before the front of its partition.
@example(323)  # The first is a repair of a block that is no longer on the branch.
@given(seeds)
def test_what_lies_before_the_range_is_not_missed(seed: int) -> None:
    """Retention cuts the front of each partition where it likes."""
    life, chance = live(seed, 30, failures=False), random.Random(seed)
    topics: dict[Partition, list[Record]] = {}
    fronts: dict[Partition, Front] = {}
    for partition, records in life.topics.items():
        cut = chance.choice((0, chance.randint(0, len(records) // 2)))
        topics[partition] = records[cut:]
        if cut:
            whole = records[cut].time_ms + SECOND if cut < len(records) else float("inf")
            fronts[partition] = Front(records[cut - 1].position.offset + 1, whole)
    linked = max((fronts[each].whole_from_ms for each in fronts if each[0] in (BLOCKS, COVERAGE)), default=0)
    found, check = checked(topics, seed, fronts=fronts, asked=Range(linked_from_ms=linked))
    assert found == []
    judged = sum(check.tally.events.values())
    assert judged + sum(check.tally.unjudged.values()) >= len(
        {e.sequence for r in topics.values() for e in r}
    )


@given(seeds)
@example(22769)  # Two blocks, one above the other, whose events are gone, are repaired, the higher one first.
def test_compaction_takes_nothing_that_is_missed(seed: int) -> None:
    life = live(seed, 30)
    topics = dict(life.topics)
    for partition in topics:
        if partition[0] in ("contracts", COVERAGE):
            last = {record.key: record for record in topics[partition]}
            half = len(topics[partition]) // 2
            topics[partition] = [
                record
                for place, record in enumerate(topics[partition])
                if place >= half or last[record.key] is record
            ]
    found, _ = checked(topics, seed)
    assert [each for each in found if each.kind != "incomplete"] == []
    assert {bytes.fromhex(str(each.block_hash)[2:]) for each in found} == life.incomplete


# Each mutant: what it does to a life, and what is found. None when the life gives no occasion for it.
Mutant = Callable[[Life, random.Random], Topics | None]
MUTANTS: dict[str, tuple[Mutant, set[str]]] = {}


def mutant(*expected: str) -> Callable[[Mutant], Mutant]:
    def add(make: Mutant) -> Mutant:
        MUTANTS[make.__name__] = make, set(expected)
        return make

    return add


def _same(one: Record, other: Record) -> bool:
    """Copies of one message."""
    return (one.position.stream, one.event_id, one.sequence) == (
        other.position.stream,
        other.event_id,
        other.sequence,
    )


def _chosen(life: Life, chance: random.Random, wanted: Callable[[Happened, Record], bool]) -> Record | None:
    found = [each for event in life.events for each in event.messages if wanted(event, each)]
    return chance.choice(found) if found else None


def _counted(record: Record) -> bool:
    return record.position.stream not in (BLOCKS, COVERAGE)


def _replaced(life: Life, record: Record | None, **values: object) -> Topics | None:
    if record is None:
        return None
    return life.changed(lambda each: [each._replace(**values) if _same(each, record) else each])


def _without(life: Life, record: Record | None) -> Topics | None:
    return None if record is None else life.changed(lambda each: [] if _same(each, record) else [each])


def _followed(life: Life, kind: str) -> list[Happened]:
    """Events of a kind that the APPLY or REVERT of another block follows at once."""
    pairs = zip(life.events, life.events[1:], strict=False)
    return [
        one
        for one, after in pairs
        if one.kind == kind and after.kind in ("apply", "revert") and after.block is not one.block
    ][1:]


@mutant("count")
def a_record_is_dropped(life: Life, chance: random.Random) -> Topics | None:
    return _without(
        life,
        _chosen(
            life, chance, lambda e, r: _counted(r) and r.position.stream != "contracts" and e.kind == "apply"
        ),
    )


@mutant("count")
def a_contract_is_dropped(life: Life, chance: random.Random) -> Topics | None:
    once = [event.block.block_hash for event in life.events]
    return _without(
        life,
        _chosen(
            life, chance, lambda e, r: r.position.stream == "contracts" and once.count(r.block_hash) == 1
        ),
    )


@mutant("not-retracted")
def a_repair_leaves_a_record(life: Life, chance: random.Random) -> Topics | None:
    return _without(
        life, _chosen(life, chance, lambda e, r: e.kind == "repair" and _counted(r) and r.removed)
    )


@mutant("count", "not-retracted")
def a_retraction_is_dropped(life: Life, chance: random.Random) -> Topics | None:
    return _without(
        life,
        _chosen(
            life,
            chance,
            lambda e, r: e.kind == "revert" and _counted(r) and r.position.stream != "contracts",
        ),
    )


@mutant("contents")
def a_record_is_doubled_with_other_content(life: Life, chance: random.Random) -> Topics | None:
    record = _chosen(life, chance, lambda e, r: True)
    if record is None:
        return None
    first = next(
        each for each in life.topics[record.position.stream, record.position.partition] if _same(each, record)
    )
    return life.changed(lambda each: [each, each._replace(content=1)] if each is first else [each])


@mutant("key")
def a_key_is_wrong(life: Life, chance: random.Random) -> Topics | None:
    return _replaced(life, _chosen(life, chance, lambda e, r: True), key=b"other")


@mutant("key")
def a_key_changes_with_the_retraction(life: Life, chance: random.Random) -> Topics | None:
    record = _chosen(life, chance, lambda e, r: e.kind == "revert" and r.position.stream == "logs")
    return _replaced(life, record, key=b"other", own_key=b"other")


@mutant("identity")
def an_event_id_is_wrong(life: Life, chance: random.Random) -> Topics | None:
    return _replaced(life, _chosen(life, chance, lambda e, r: True), own_id=b"other")


@mutant("partition")
def a_partition_is_wrong(life: Life, chance: random.Random) -> Topics | None:
    record = _chosen(life, chance, lambda e, r: r.position.stream == "logs")
    if record is None:
        return None
    position = record.position._replace(partition=(record.position.partition + 1) % PARTITIONS["logs"])
    return {
        partition: [
            each._replace(position=each.position._replace(partition=position.partition))
            if _same(each, record)
            else each
            for each in records
        ]
        for partition, records in life.topics.items()
    }


@mutant("order")
def two_sequences_are_in_the_wrong_order(life: Life, chance: random.Random) -> Topics | None:
    partition = chance.choice([each for each in life.topics if each[0] == "transactions"])
    records = list(life.topics[partition])
    places = [n for n in range(1, len(records) - 1) if records[n].sequence < records[n + 1].sequence]
    if not places:
        return None
    n = chance.choice(places)
    one, two = records[n], records[n + 1]
    records[n : n + 2] = [two._replace(position=one.position), one._replace(position=two.position)]
    return {**life.topics, partition: records}


@mutant("no-coverage")
def a_coverage_record_is_dropped(life: Life, chance: random.Random) -> Topics | None:
    latest = {event.block.block_hash: event for event in life.events}
    return _without(
        life, _chosen(life, chance, lambda e, r: r.position.stream == COVERAGE and latest[r.block_hash] is e)
    )


@mutant("no-block")
def a_block_is_dropped(life: Life, chance: random.Random) -> Topics | None:
    return _without(life, _chosen(life, chance, lambda e, r: r.position.stream == BLOCKS))


@mutant("offsets")
def coverage_does_not_reach_far_enough(life: Life, chance: random.Random) -> Topics | None:
    return _shifted(life, chance, -1)


@mutant("offsets")
def coverage_reaches_too_far(life: Life, chance: random.Random) -> Topics | None:
    return _shifted(life, chance, 1)


def _shifted(life: Life, chance: random.Random, by: int) -> Topics | None:
    chosen = _chosen(life, chance, lambda e, r: r.position.stream == COVERAGE and not e.fails)

    def shift(record: Record) -> list[Record]:
        if chosen is None or not _same(record, chosen) or record.summary is None:
            return [record]
        offsets = {each: end + by for each, end in (record.summary.offsets or {}).items()}
        return [record._replace(summary=record.summary._replace(offsets=offsets))]

    return None if chosen is None else life.changed(shift)


@mutant("disagree", "count")
def coverage_counts_wrong(life: Life, chance: random.Random) -> Topics | None:
    chosen = _chosen(life, chance, lambda e, r: r.position.stream == COVERAGE and not e.fails)
    if chosen is None:
        return None

    def count(record: Record) -> list[Record]:
        if not _same(record, chosen) or record.summary is None:
            return [record]
        return [record._replace(summary=record.summary._replace(counts=(99, *record.summary.counts[1:])))]

    return life.changed(count)


@mutant("count")
def a_removed_flag_is_lost(life: Life, chance: random.Random) -> Topics | None:
    record = _chosen(life, chance, lambda e, r: e.kind == "revert" and _counted(r))
    return _replaced(life, record, removed=False)


@mutant("retraction", "not-retracted")
def what_was_never_said_is_taken_back(life: Life, chance: random.Random) -> Topics | None:
    record = _chosen(
        life, chance, lambda e, r: e.kind == "revert" and _counted(r) and r.position.stream != "contracts"
    )
    return _replaced(life, record, event_id=b"other", own_id=b"other")


@mutant("link")
def a_block_is_never_taken_back(life: Life, chance: random.Random) -> Topics | None:
    return _without_event(life, chance, "revert")


@mutant("link")
def a_block_is_never_said(life: Life, chance: random.Random) -> Topics | None:
    return _without_event(life, chance, "apply")


def _without_event(life: Life, chance: random.Random, kind: str) -> Topics | None:
    events = _followed(life, kind)
    if not events:
        return None
    sequence = chance.choice(events).sequence
    return life.changed(lambda each: [] if each.sequence == sequence else [each])


@mutant("sequence")
def two_blocks_have_one_sequence(life: Life, chance: random.Random) -> Topics | None:
    pairs = [
        (one.sequence, two.sequence)
        for one, two in zip(life.events, life.events[1:], strict=False)
        if one.block is not two.block
    ]
    if not pairs:
        return None
    one, two = chance.choice(pairs)
    return life.changed(lambda each: [each._replace(sequence=one) if each.sequence == two else each])


def test_every_mutant_has_a_name() -> None:
    assert len(MUTANTS) == 20


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_stream_is_found_by_its_name(name: str) -> None:
    make, expected = MUTANTS[name]
    tried = 0
    for seed in range(12):
        # Of a message that is repeated in order, a copy out of order is a repeat like any other.
        life = live(seed, 30, failures=False, repeats=expected != {"order"})
        topics = make(life, random.Random(seed))
        if topics is None:
            continue
        tried += 1
        found = kinds(topics)
        assert expected <= found, f"seed {seed}: {found}"
    assert tried > 3
