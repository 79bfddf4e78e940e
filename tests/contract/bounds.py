"""What whoever tells between which offsets partitions lie must do: subclasses say where."""

from __future__ import annotations

from typing import Protocol

import pytest

from headwater.kafka.bounds import Bounds
from headwater.standstill import Asked


class Topic(Protocol):
    """A topic with one partition, and a group that reads it."""

    name: str

    def write(self, count: int) -> None:
        """Messages, outside transactions."""

    def begin(self) -> None:
        """Write one message in a transaction that stays open."""

    def commit(self, offset: int) -> None:
        """Commit the group's offset."""

    def asked(self, *, group: bool = True) -> Asked:
        """Who tells, with the group's offsets or without."""


class BoundsContract:
    """Tests of Asked; `topic` is empty."""

    @pytest.fixture
    def topic(self) -> Topic:
        raise AssertionError("the subclass says where")

    def told(self, topic: Topic, *, group: bool = True) -> Bounds:
        asked, place = topic.asked(group=group), (topic.name, 0)
        try:
            return asked.of([place])[place]
        finally:
            asked.close()

    def test_what_nobody_has_read_begins_with_the_log(self, topic: Topic) -> None:
        assert self.told(topic) == (0, 0)
        topic.write(3)
        assert self.told(topic) == (0, 3)

    def test_the_group_goes_on_where_it_committed(self, topic: Topic) -> None:
        topic.write(3)
        topic.commit(2)
        assert self.told(topic) == (2, 3)
        assert self.told(topic, group=False) == (0, 3)

    def test_a_transaction_in_hand_does_not_count(self, topic: Topic) -> None:
        topic.write(3)
        topic.begin()
        assert self.told(topic) == (0, 3)
