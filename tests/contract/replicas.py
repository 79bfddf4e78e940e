"""What replicas of the sink rely on in what they share, in memory or in ClickHouse: subclasses say which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from connectors.clickhouse.sink.coverage.writer import DeadLetter, DeadLetterLookup
from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.placement import Memory
from connectors.clickhouse.sink.placement.start import Gap
from connectors.clickhouse.sink.stream import Replicas

TOPICS = ("logs", "blocks")
LOGS, OTHER_LOGS, BLOCKS = Partition("logs", 0), Partition("logs", 1), Partition("blocks", 0)


class TopicsMemory(Memory, Protocol):
    """With what is missing, which coverage asks for."""

    def gaps(self) -> Sequence[Gap]: ...


class Shared(Protocol):
    """A ClickHouse in which nothing is stored of TOPICS. Each call makes what another replica uses.

    `lookup` is over a table with these letters.
    """

    def progress(self) -> Replicas: ...
    def memory(self) -> TopicsMemory: ...
    def lookup(self, *letters: DeadLetter) -> DeadLetterLookup: ...


class ReplicasContract:
    """Tests of Replicas, Memory and DeadLetterLookup."""

    @pytest.fixture
    def shared(self) -> Shared:
        raise AssertionError("the subclass says what is shared")

    def test_of_a_partition_the_highest_position_ever_told_holds_for_all(self, shared: Shared) -> None:
        one, other = shared.progress(), shared.progress()
        assert one.positions() == {}
        one.store({LOGS: 5, OTHER_LOGS: 1})
        other.store({LOGS: 3, BLOCKS: 2})
        one.store({})
        assert one.positions() == other.positions() == {LOGS: 5, OTHER_LOGS: 1, BLOCKS: 2}
        other.store({LOGS: 8})
        assert one.positions()[LOGS] == 8

    def test_what_is_missing_is_known_to_all_as_far_as_it_went_at_last(self, shared: Shared) -> None:
        one, other = shared.memory(), shared.memory()
        assert list(one.gaps()) == []
        one.store_gaps([Gap(LOGS, 0, 10), Gap(BLOCKS, 5, 6)])
        other.store_gaps([Gap(LOGS, 0, 20), Gap(LOGS, 30, 40)])
        one.store_gaps([Gap(LOGS, 0, 10)])
        one.store_gaps([])
        found = sorted(other.gaps(), key=lambda each: (each.partition, each.first))
        assert found == [Gap(BLOCKS, 5, 6), Gap(LOGS, 0, 20), Gap(LOGS, 30, 40)]

    def test_ids_of_topics_are_known_to_all(self, shared: Shared) -> None:
        one, other = shared.memory(), shared.memory()
        assert one.topic_ids() == {}
        one.store_topic_ids({"logs": "a"})
        one.store_topic_ids({})
        other.store_topic_ids({"blocks": "b"})
        assert one.topic_ids() == other.topic_ids() == {"logs": "a", "blocks": "b"}

    def test_of_a_topic_that_is_forgotten_nothing_is_left_and_of_others_all(self, shared: Shared) -> None:
        memory, progress = shared.memory(), shared.progress()
        progress.store({LOGS: 5, OTHER_LOGS: 1, BLOCKS: 2})
        memory.store_gaps([Gap(LOGS, 0, 10), Gap(BLOCKS, 5, 6)])
        memory.store_topic_ids({"logs": "a", "blocks": "b"})
        shared.memory().forget(["logs"])
        assert progress.positions() == {BLOCKS: 2}
        assert list(memory.gaps()) == [Gap(BLOCKS, 5, 6)]
        assert memory.topic_ids() == {"blocks": "b"}
        memory.store_topic_ids({"logs": "c"})
        progress.store({LOGS: 1})
        assert (memory.topic_ids()["logs"], progress.positions()[LOGS]) == ("c", 1)

    def test_dead_letters_are_found_by_topic_from_an_offset_on_and_each_once(self, shared: Shared) -> None:
        early, late, other = DeadLetter(LOGS, 4, 1), DeadLetter(LOGS, 5, 2), DeadLetter(OTHER_LOGS, 9, None)
        block = DeadLetter(BLOCKS, 5, 3)
        lookup = shared.lookup(early, late, late, other, block)
        assert set(lookup.since({"logs": 5})) == {late, other}
        assert len(lookup.since({"logs": 5})) == 2
        assert set(lookup.since({"logs": 5, "blocks": 0})) == {late, other, block}
        assert list(lookup.since({"logs": 10})) == list(lookup.since({"contracts": 0})) == []
