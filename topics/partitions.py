"""A topic's partitions, as the cluster has them."""

from __future__ import annotations

from typing import Final

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import ClusterMetadata

from headwater import kafka
from headwater.errors import Fatal
from headwater.settings import Settings

_ANSWER_SECONDS: Final = 10.0


def partitions_of(settings: Settings, client: Consumer, topic: str) -> list[int]:
    """The partitions' numbers, in order; `client` has nothing assigned.

    Raises Fatal when there is no such topic or the brokers reject us, Transient when they do not answer.
    """

    def listed(seconds: float) -> ClusterMetadata:
        found: ClusterMetadata = client.list_topics(topic, timeout=seconds)
        return found

    try:
        metadata = kafka.ask(client, listed, timeout=_ANSWER_SECONDS).topics[topic]
    except KafkaException as error:
        raise kafka.away(settings, error.args[0]) from error
    if metadata.error is not None:
        raise Fatal(f"there is no topic {topic}", remedy="`headwater topics apply` makes the catalogue's")
    return sorted(metadata.partitions)
