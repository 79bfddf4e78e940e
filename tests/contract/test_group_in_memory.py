"""The group contract on the one that unit tests use."""

from __future__ import annotations

import pytest

from connectors.clickhouse.sink.messages import Partition
from tests.contract.group import GroupContract, Topics
from tests.fakes.group import FakeGroup, FakeLog
from tests.fakes.sink import FakeMessage


class FakeTopics:
    names = ("blocks", "logs")

    def __init__(self) -> None:
        self._log = FakeLog([Partition(name, number) for name in self.names for number in (0, 1)])

    def publish(self, partition: Partition, *values: bytes | None) -> None:
        for value in values:
            self._log.append(FakeMessage(*partition, self._log.end(partition), value))

    def member(self) -> FakeGroup:
        return FakeGroup(self._log)


class TestFakeGroup(GroupContract):
    @pytest.fixture
    def topics(self) -> Topics:
        return FakeTopics()
