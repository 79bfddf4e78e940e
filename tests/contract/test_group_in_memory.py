"""The group contract on the one that unit tests use."""

from __future__ import annotations

import pytest

from connectors.clickhouse.sink.loop import Group
from connectors.clickhouse.sink.messages import Partition
from tests.contract.group import GroupContract, Topics
from tests.fakes.group import FakeGroup, FakeLog, FakeOffsets
from tests.fakes.kafka import FakeMessage


class FakeTopics:
    names = ("blocks", "logs")

    def __init__(self) -> None:
        self._log = FakeLog([Partition(name, number) for name in self.names for number in (0, 1)])

    def publish(self, partition: Partition, *values: bytes | None) -> None:
        for value in values:
            self._log.append(FakeMessage(*partition, self._log.end(partition), value))

    def member(self) -> FakeGroup:
        self._member = FakeGroup(self._log)
        return self._member

    def offsets(self) -> FakeOffsets:
        return FakeOffsets(self._log)

    def trim(self, partition: Partition, start: int) -> None:
        self._log.trim(partition, start)

    def take_away(self, member: Group) -> None:
        assert member is self._member
        self._gone = list(self._log.partitions)[:2]
        self._member.give_back(*self._gone)

    def bring_back(self, member: Group) -> None:
        assert member is self._member
        self._member.gain(*self._gone)


class TestFakeGroup(GroupContract):
    @pytest.fixture
    def topics(self) -> Topics:
        return FakeTopics()
