"""The contract of applied channels on Kafka."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.delivery.channels.text import Written
from connectors.delivery.topic.channels import STREAM, ChannelTopic, apply, remove
from headwater.settings import Settings, load_settings
from tests.contract.delivery_channels import ChannelsContract, ChannelStore
from tests.integration.repair_topics import make_topics


class KafkaTopic:
    """Applies as the command does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.readers: list[ChannelTopic] = []

    def reader(self) -> ChannelTopic:
        self.readers.append(ChannelTopic(self._settings))
        return self.readers[-1]

    def apply(self, *channels: Written) -> None:
        apply(self._settings, channels, self.reader().refresh())

    def remove(self, channel: str) -> None:
        remove(self._settings, channel)


class TestChannelTopic(ChannelsContract):
    @pytest.fixture
    def store(self, kafka: str, registry_url: str, topic_prefix: str) -> Iterator[ChannelStore]:
        given = {
            "topic_prefix": topic_prefix,
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
        }
        settings = load_settings(given, environ={})
        make_topics(settings, STREAM)
        topic = KafkaTopic(settings)
        yield topic
        for each in topic.readers:
            each.close()
