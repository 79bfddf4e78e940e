"""The contract of partitions' bounds on what unit tests use."""

from __future__ import annotations

import pytest

from headwater.kafka.bounds import Bounds
from tests.contract.bounds import BoundsContract
from tests.fakes.bounds import MemoryBounds


class MemoryTopic:
    """One partition and a group's offset in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.end = 0
        self.committed = 0

    def write(self, count: int) -> None:
        self.end += count

    def begin(self) -> None:
        """What is not committed nobody reads."""

    def commit(self, offset: int) -> None:
        self.committed = offset

    def asked(self, *, group: bool = True) -> MemoryBounds:
        start = self.committed if group else 0
        return MemoryBounds({(self.name, 0): Bounds(start, self.end)})


class TestMemoryBounds(BoundsContract):
    @pytest.fixture
    def topic(self) -> MemoryTopic:
        return MemoryTopic("blocks")
