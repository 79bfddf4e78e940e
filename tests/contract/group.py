"""What the sink relies on in its consumer group, whichever client is the member: subclasses say which."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import pytest

from connectors.clickhouse.sink.consumer import Received
from connectors.clickhouse.sink.loop import Group
from connectors.clickhouse.sink.messages import Message, Partition, partition_of
from connectors.clickhouse.sink.placement.placement import Offsets
from connectors.clickhouse.sink.placement.start import Kept

SECONDS = 60.0


class Topics(Protocol):
    """Two topics of two partitions, empty; `member()` is another member of one group.

    `offsets()` asks about the group's topics, `trim` deletes what is below an offset. `take_away` has a
    member part with some of its partitions, `bring_back` has it get them again.
    """

    names: tuple[str, str]

    def publish(self, partition: Partition, *values: bytes | None) -> None: ...
    def member(self) -> Group: ...
    def offsets(self) -> Offsets: ...
    def trim(self, partition: Partition, start: int) -> None: ...
    def take_away(self, member: Group) -> None: ...
    def bring_back(self, member: Group) -> None: ...


class Member:
    """A member and what it was told."""

    def __init__(self, group: Group, topics: Topics) -> None:
        self.group = group
        self.gained: list[Partition] = []
        self.gone: list[tuple[tuple[Partition, ...], bool]] = []
        self.messages: list[Message] = []
        self.end_offsets: dict[Partition, int] = {}
        self.unreadable: set[Partition] = set()
        self._offsets = topics.offsets()
        self._begun = 0
        group.subscribe(
            topics.names, self.gained.extend, lambda gone, lost: self.gone.append((tuple(gone), lost))
        )

    def until(self, wanted: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not wanted():
            assert time.monotonic() < deadline, (self.gained, len(self.messages), self.end_offsets)
            self.take(self.group.receive(0.1))
            self.begin()

    def begin(self) -> None:
        """Read what was gained from where the group was."""
        new, self._begun = self.gained[self._begun :], len(self.gained)
        kept = self._offsets.kept(new)
        self.group.read_from(
            {
                each: place.log_start if place.committed is None else place.committed
                for each, place in kept.items()
            }
        )

    def take(self, received: Received) -> None:
        self.messages += received.messages
        self.end_offsets |= received.end_offsets
        self.unreadable |= received.unreadable

    def offsets(self, partition: Partition) -> list[int]:
        return [each.offset() for each in self.messages if partition_of(each) == partition]


class GroupContract:
    """Tests of Group."""

    @pytest.fixture
    def topics(self) -> Topics:
        raise AssertionError("the subclass says which topics")

    @pytest.fixture
    def partitions(self, topics: Topics) -> list[Partition]:
        return [Partition(name, number) for name in topics.names for number in (0, 1)]

    def test_all_partitions_are_assigned_while_receiving(
        self, topics: Topics, partitions: list[Partition]
    ) -> None:
        member = Member(topics.member(), topics)
        assert member.group.assigned == set()
        assert member.gained == []
        member.until(lambda: len(member.gained) == 4)
        assert sorted(member.gained) == sorted(partitions)
        assert member.group.assigned == set(partitions)
        member.group.close()

    def test_messages_come_in_order_and_then_the_end(
        self, topics: Topics, partitions: list[Partition]
    ) -> None:
        topics.publish(partitions[0], b"a", None, b"c")
        topics.publish(partitions[3], b"d")
        member = Member(topics.member(), topics)
        member.until(lambda: member.end_offsets.keys() == set(partitions))
        assert member.offsets(partitions[0]) == [0, 1, 2]
        first = [each for each in member.messages if partition_of(each) == partitions[0]]
        assert [each.value() for each in first] == [b"a", None, b"c"]
        assert [len(each) for each in first] == [1, 0, 1]
        assert {each: member.end_offsets[each] for each in partitions} == dict(
            zip(partitions, (3, 0, 0, 1), strict=True)
        )
        topics.publish(partitions[3], b"e")
        member.until(lambda: member.end_offsets[partitions[3]] == 2)
        assert member.offsets(partitions[3]) == [0, 1]
        assert member.group.end_offsets()[partitions[3]] == 2
        member.group.close()

    def test_a_paused_partition_waits_and_loses_nothing(
        self, topics: Topics, partitions: list[Partition]
    ) -> None:
        paused, other = partitions[0], partitions[1]
        topics.publish(paused, b"1")
        member = Member(topics.member(), topics)
        member.until(lambda: member.offsets(paused) == [0])
        member.group.pause_only([paused])
        topics.publish(paused, b"2", b"3")
        topics.publish(other, b"x")
        member.until(lambda: member.offsets(other) == [0])
        assert member.offsets(paused) == [0]
        member.group.pause_only([other])
        topics.publish(other, b"y")
        member.until(lambda: member.offsets(paused) == [0, 1, 2])
        member.group.pause_only([])
        member.until(lambda: member.offsets(other) == [0, 1])
        member.group.close()

    def test_a_partition_that_is_paused_before_it_is_read_stays_so(
        self, topics: Topics, partitions: list[Partition]
    ) -> None:
        paused, other = partitions[0], partitions[1]
        topics.publish(paused, b"1")
        topics.publish(other, b"x")
        member = Member(topics.member(), topics)
        deadline = time.monotonic() + SECONDS
        while len(member.gained) < 4:
            assert time.monotonic() < deadline
            member.take(member.group.receive(0.1))
        member.group.pause_only([paused])
        member.begin()
        member.until(lambda: member.offsets(other) == [0])
        assert member.offsets(paused) == []
        member.group.pause_only([])
        member.until(lambda: member.offsets(paused) == [0])
        member.group.close()

    def test_the_next_member_goes_on_at_what_was_committed(
        self, topics: Topics, partitions: list[Partition]
    ) -> None:
        topics.publish(partitions[2], b"1", b"2", b"3")
        topics.publish(partitions[1], b"4")
        first = Member(topics.member(), topics)
        first.until(lambda: len(first.messages) == 4)
        first.group.commit({}, wait=True)
        first.group.commit({partitions[2]: 2}, wait=True)
        assert first.group.take_failed_commits() == set()
        first.group.close()
        assert [(set(gone), lost) for gone, lost in first.gone] == [(set(partitions), False)]
        assert first.group.assigned == set()
        second = Member(topics.member(), topics)
        second.until(lambda: second.end_offsets.keys() == set(partitions))
        assert second.offsets(partitions[2]) == [2]
        assert second.offsets(partitions[1]) == [0]
        second.group.close()

    def test_a_partition_that_was_paused_when_it_went_away_is_read_when_it_comes_back(
        self, topics: Topics, partitions: list[Partition]
    ) -> None:
        member = Member(topics.member(), topics)
        member.until(lambda: member.end_offsets.keys() == set(partitions))
        member.group.pause_only(partitions)
        topics.take_away(member.group)
        member.until(lambda: bool(member.gone))
        gone = {each for some, _ in member.gone for each in some}
        member.group.pause_only([])
        topics.bring_back(member.group)
        member.until(lambda: member.group.assigned == set(partitions))
        member.group.pause_only([])
        assert gone
        for each in gone:
            topics.publish(each, b"1")
        member.until(lambda: all(member.offsets(each) for each in gone))
        member.group.close()

    def test_reading_begins_again_where_it_is_told_to(
        self, topics: Topics, partitions: list[Partition]
    ) -> None:
        topics.publish(partitions[0], b"1", b"2", b"3")
        member = Member(topics.member(), topics)
        member.until(lambda: member.offsets(partitions[0]) == [0, 1, 2])
        member.group.read_from({partitions[0]: 1})
        member.until(lambda: member.offsets(partitions[0]) == [0, 1, 2, 1, 2])
        topics.publish(partitions[1], b"4")
        member.until(lambda: member.offsets(partitions[1]) == [0])
        member.group.close()

    def test_what_was_deleted_before_it_was_read_is_told_and_not_jumped_over(
        self, topics: Topics, partitions: list[Partition]
    ) -> None:
        topics.publish(partitions[0], b"1", b"2", b"3")
        topics.trim(partitions[0], 2)
        member = Member(topics.member(), topics)
        member.until(lambda: member.offsets(partitions[0]) == [2])
        member.group.read_from({partitions[0]: 1})
        member.until(lambda: member.unreadable == {partitions[0]})
        assert member.offsets(partitions[0]) == [2]
        member.group.read_from({partitions[0]: 2})
        member.until(lambda: member.offsets(partitions[0]) == [2, 2])
        member.group.close()

    def test_offsets_of_the_group_and_of_the_log(self, topics: Topics, partitions: list[Partition]) -> None:
        topics.publish(partitions[0], b"1", b"2", b"3")
        member = Member(topics.member(), topics)
        member.until(lambda: member.offsets(partitions[0]) == [0, 1, 2])
        offsets = topics.offsets()
        assert offsets.kept(partitions[:2]) == dict.fromkeys(partitions[:2], Kept(None, 0))
        member.group.commit({partitions[0]: 2}, wait=True)
        topics.trim(partitions[0], 1)
        assert offsets.kept(partitions[:2]) == {partitions[0]: Kept(2, 1), partitions[1]: Kept(None, 0)}
        assert offsets.end_offsets(partitions[:2]) == {partitions[0]: 3, partitions[1]: 0}
        assert offsets.kept([]) == offsets.end_offsets([]) == {}
        member.group.close()

    def test_topics_have_ids_of_their_own(self, topics: Topics) -> None:
        ids = topics.offsets().topic_ids(topics.names)
        assert ids.keys() == set(topics.names)
        assert len(set(ids.values())) == 2
        assert topics.offsets().topic_ids(topics.names) == ids
