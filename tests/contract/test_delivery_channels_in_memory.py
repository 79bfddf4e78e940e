"""The contract of applied channels on those that unit tests use."""

from __future__ import annotations

import pytest

from connectors.delivery.channels.text import Written
from connectors.delivery.topic.channels import Applied, settings_text
from tests.contract.delivery_channels import ChannelsContract, ChannelStore
from tests.fakes.delivery import FakeChannels


class InMemory:
    """The fake as the contract sees it."""

    def __init__(self) -> None:
        self._channels = FakeChannels()

    def reader(self) -> FakeChannels:
        return self._channels

    def apply(self, *channels: Written) -> None:
        for each in channels:
            text = settings_text(each.settings)
            self._channels.applied[each.id] = Applied(each.id, each.kind, text, 1, "me", each.settings)

    def remove(self, channel: str) -> None:
        del self._channels.applied[channel]


class TestFakeChannels(ChannelsContract):
    @pytest.fixture
    def store(self) -> ChannelStore:
        return InMemory()
