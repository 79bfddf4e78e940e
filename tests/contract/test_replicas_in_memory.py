"""The contract of what replicas share on what unit tests use."""

from __future__ import annotations

import pytest

from connectors.clickhouse.sink.coverage.writer import DeadLetter
from tests.contract.replicas import ReplicasContract, Shared
from tests.fakes.replicas import FakeLookup, FakeMemory, SharedProgress


class InMemory:
    """The fakes as the contract sees them."""

    def __init__(self) -> None:
        self._progress = SharedProgress()
        self._memory = FakeMemory(self._progress)

    def progress(self) -> SharedProgress:
        return self._progress

    def memory(self) -> FakeMemory:
        return self._memory

    def lookup(self, *letters: DeadLetter) -> FakeLookup:
        return FakeLookup(*letters)


class TestFakeReplicas(ReplicasContract):
    @pytest.fixture
    def shared(self) -> Shared:
        return InMemory()
