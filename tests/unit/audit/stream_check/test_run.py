"""Rounds: what is being published while a check runs is waited for, and nothing is held against it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import pytest

from audit.stream_check import run as run_module
from audit.stream_check.algebra.finding import Finding
from audit.stream_check.algebra.fold import StreamCheck
from audit.stream_check.algebra.partitioner import partition_of
from audit.stream_check.algebra.record import Partition, Record, StreamPosition
from audit.stream_check.decode import Raw
from audit.stream_check.run import Run
from audit.stream_check.states.check import NEWER_STATES, StateCheck
from audit.stream_check.states.record import STATES, StateRecord
from tests.builders.public_topics import PARTITIONS, SECOND, Life, live
from tests.builders.state_records import PARTITIONS as STATE_PARTITIONS


class Cluster:
    """Topics of a life that are published bit by bit: `visible` messages of each partition can be read."""

    def __init__(self, topics: Mapping[Partition, Sequence[Record | StateRecord]]) -> None:
        self.topics = topics
        self.records = {record.position: record for records in topics.values() for record in records}
        self.visible = dict.fromkeys(topics, 0)
        self.positions = dict.fromkeys(topics, 0)
        self.held: list[set[Partition]] = []
        self._turn = 0

    def publish(self, partitions: Collection[Partition], before_ms: int) -> None:
        for each in partitions:
            self.visible[each] = sum(record.time_ms < before_ms for record in self.topics[each])

    def end_offsets(self) -> dict[Partition, int]:
        return {
            each: self.topics[each][count - 1].position.offset + 1 if count else 0
            for each, count in self.visible.items()
        }

    def reached(self, end_offsets: Mapping[Partition, int]) -> set[Partition]:
        return {
            each
            for each, end in end_offsets.items()
            if self.positions[each] == self.visible[each]
            or self.topics[each][self.positions[each]].position.offset >= end
        }

    def hold(self, ahead: Collection[Partition]) -> None:
        self.held.append(set(ahead))

    def up_to(self, end_offsets: Mapping[Partition, int]) -> Iterable[list[Raw]]:
        while left := sorted(end_offsets.keys() - self.reached(end_offsets)):
            self._turn += 1
            free = [each for each in left if not self.held or each not in self.held[-1]]
            assert free, "all that is left to be read is held: nothing comes any more"
            partition = free[self._turn % len(free)]
            at = self.positions[partition]
            chunk = self.topics[partition][at : min(at + 3, self.visible[partition])]
            self.positions[partition] += len(chunk)
            yield [Raw(record.position, record.time_ms, b"", b"") for record in chunk]

    def decode(self, stream: str, messages: list[Raw]) -> Iterable[Record | StateRecord]:
        return [self.records[message.position] for message in messages]


def run_of(
    cluster: Cluster, *, now_ms: int = 10**9, last: int | None = None, states: bool = False
) -> tuple[Run, StreamCheck, list[Finding]]:
    found: list[Finding] = []
    check = StreamCheck(PARTITIONS, found.append, depth=10)
    state_check = StateCheck(STATE_PARTITIONS, found.append, check.tally) if states else None
    check.follower = state_check
    run = Run(
        check,
        cluster,
        cluster.end_offsets,
        cluster.decode,
        found.append,
        now_ms=lambda: now_ms,
        last=last,
        states=state_check,
    )
    return run, check, found


def with_states(life: Life, up_to: int) -> dict[Partition, Sequence[Record | StateRecord]]:
    """The topics, and a state of a transaction that nobody knows for each event up to a sequence."""
    topics: dict[Partition, list[StateRecord]] = {(STATES, number): [] for number in range(STATE_PARTITIONS)}
    for event in life.events:
        if event.sequence > up_to:
            break
        name = event.sequence.to_bytes(32, "big")
        key = b"0x" + name.hex().encode()
        partition = STATES, partition_of(key, STATE_PARTITIONS)
        position = StreamPosition(*partition, len(topics[partition]))
        own, version = b"1" * 16, 16 * event.sequence + 5
        topics[partition].append(
            StateRecord(
                position,
                event.messages[0].time_ms,
                key,
                name,
                event.sequence,
                "INCLUDED",
                version,
                event.block.number,
                event.block.block_hash,
                False,
                own,
                own,
                0,
                None,
                0,
            )
        )
    return {**life.topics, **topics}


def test_a_transaction_that_is_seen_in_part_is_judged_once_it_is_whole() -> None:
    life = live(3, 30, failures=False)
    cluster = Cluster(life.topics)
    run, check, found = run_of(cluster, now_ms=0)
    cluster.publish(cluster.topics, 5 * SECOND)
    # The next transaction's markers have reached some partitions only.
    cluster.publish([each for each in cluster.topics if each[1] == 0], 6 * SECOND)
    run.round()
    cluster.publish(cluster.topics, 7 * SECOND)
    run.round()
    assert found == []
    assert check.waiting
    cluster.publish(cluster.topics, 10**9)
    run.range()
    check.close()
    assert found == []
    assert not check.waiting
    assert sum(check.tally.events.values()) == len(life.events)


def test_reading_ends_once_the_last_block_is_deep_enough() -> None:
    life = live(5, 80, failures=False, repeats=False)
    cluster = Cluster(life.topics)
    cluster.publish(cluster.topics, 10**9)
    run, check, found = run_of(cluster, last=103)
    run.range()
    assert check.tip is not None
    assert 113 <= check.tip.number < 118
    assert found == []
    assert cluster.positions != cluster.visible


@pytest.mark.parametrize("bound", [0, 10**6])
def test_states_are_judged_up_to_where_they_are_published_whatever_is_held(
    bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "HELD", bound)
    monkeypatch.setattr(run_module, "EVENTS", bound)
    life = live(3, 40, failures=False)
    middle = life.events[len(life.events) // 2].sequence
    cluster = Cluster(with_states(life, middle))
    cluster.publish(cluster.topics, 10**9)
    run, check, found = run_of(cluster, states=True)
    run.range()
    check.close()
    assert found == []
    judged = sum(event.sequence <= middle for event in life.events)
    assert check.tally.records[STATES] == judged
    assert check.tally.unjudged[NEWER_STATES] == 0, "no transaction of the others is known"
    assert any(held for held in cluster.held) is (bound == 0)


def test_states_of_events_too_young_to_be_judged_are_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "HELD", 0)
    life = live(3, 40, failures=False)
    cluster = Cluster(with_states(life, life.events[-1].sequence))
    cluster.publish(cluster.topics, 10**9)
    run, check, found = run_of(cluster, now_ms=0, states=True)
    run.range()
    check.close()
    assert found == []
    assert check.tally.records[STATES] == len(life.events)
