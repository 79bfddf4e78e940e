"""The contract of the topics of repairs on what unit tests use."""

from __future__ import annotations

import pytest

from connectors.evm.repair.channel import Outcomes
from connectors.evm.repair.request import Outcome, Request
from tests.contract.repair_channel import Channel, RepairChannelContract
from tests.fakes.repair_channel import MemoryChannel, MemoryOutcomes, MemoryRequests


class InMemory:
    """The fake as the contract sees it."""

    def __init__(self) -> None:
        self._channel = MemoryChannel()

    def ask(self, *requests: Request | None) -> None:
        self._channel.requests += requests

    def requests(self) -> MemoryRequests:
        return self._channel.reader()

    def outcomes(self) -> Outcomes:
        return MemoryOutcomes(self._channel)

    def published(self) -> list[Outcome]:
        return list(self._channel.outcomes)


class TestMemoryChannel(RepairChannelContract):
    @pytest.fixture
    def channel(self) -> Channel:
        return InMemory()
