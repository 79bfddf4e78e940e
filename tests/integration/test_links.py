"""The contract of raw-links on real Kafka, and what a topic that is missing does to a listener."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import NewTopic

from connectors.evm.log.links.kafka_links import KafkaLinks
from connectors.evm.log.links.links import LinkCodec, Links
from headwater import kafka as clients
from headwater.errors import Transient
from headwater.settings import Settings, load_settings
from tests.contract.links import LinksContract, MakeLinks, claim
from topics.catalog import spec, topic_name

CHAIN_ID = 31337


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> Settings:
    """Kafka alone: these tests need no registry and no database."""
    overrides = {"topic_prefix": topic_prefix, "kafka": {"bootstrap_servers": kafka}}
    return load_settings(overrides, environ={})


@pytest.fixture
def make_links(settings: Settings) -> Iterator[MakeLinks]:
    made: list[KafkaLinks] = []

    def make() -> Links:
        made.append(KafkaLinks(settings, CHAIN_ID, LinkCodec(8)))
        return made[-1]

    yield make
    for links in made:
        links.close()


@pytest.fixture
def topic(settings: Settings) -> None:
    config = spec("raw-links").config(replication=1)
    new = NewTopic(topic_name(settings, "raw-links"), num_partitions=1, replication_factor=1, config=config)
    admin = clients.admin(settings)
    for future in admin.create_topics([new]).values():
        future.result(timeout=30)


@pytest.mark.usefixtures("topic")
class TestKafkaLinks(LinksContract):
    @pytest.fixture
    def make_links(self, make_links: MakeLinks) -> MakeLinks:
        return make_links


def test_a_topic_that_is_missing_is_no_more_than_said(make_links: MakeLinks) -> None:
    links = make_links()
    links.note(claim(0))
    with pytest.raises(Transient, match="raw-links"):
        links.last(10)
