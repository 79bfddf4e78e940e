"""The topics of repairs in Kafka, asked and read as an operator's command does."""

from __future__ import annotations

from dataclasses import asdict

from confluent_kafka.admin import NewTopic

from connectors.evm.repair.channel import Outcomes, Requests
from connectors.evm.repair.kafka_channel import KafkaOutcomes, KafkaRequests
from connectors.evm.repair.request import OUTCOMES, REQUESTS, Outcome, Request, outcome_of
from headwater import kafka as clients
from headwater.settings import Settings
from schemas import codec_for, frame
from schemas.registry import Registry, register_all
from topics.catalog import topic_name, wanted


def make_topics(settings: Settings, *streams: str) -> None:
    """The topics of these streams, as the catalogue has them, and every schema."""
    names = {topic_name(settings, stream) for stream in streams}
    new = [
        NewTopic(name, num_partitions=partitions, replication_factor=1, config=config)
        for name, (partitions, config) in wanted(settings).items()
        if name in names
    ]
    admin = clients.admin(settings)
    for future in admin.create_topics(new).values():
        future.result(timeout=30)
    register_all(settings)


class RepairTopics:
    """Asks and reads in Kafka; its clients are closed with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = Registry(settings)
        self._frame = frame(self._registry.id_for(REQUESTS))
        self._producer = clients.producer(settings)
        self._clients: list[Requests | Outcomes] = []

    def ask(self, *requests: Request | None) -> None:
        for request in requests:
            value = b"not a request"
            if request is not None:
                value = self._frame + codec_for(REQUESTS).write(asdict(request))
            self._producer.produce(topic_name(self._settings, REQUESTS), value, partition=0)
        assert self._producer.flush(30) == 0

    def requests(self) -> Requests:
        self._clients.append(KafkaRequests(self._settings, self._registry.reader(REQUESTS)))
        return self._clients[-1]  # type: ignore[return-value]

    def outcomes(self) -> Outcomes:
        reader = self._registry.reader(OUTCOMES)
        self._clients.append(KafkaOutcomes(self._settings, 31337, self._registry.id_for(OUTCOMES), reader))
        return self._clients[-1]  # type: ignore[return-value]

    def published(self) -> list[Outcome]:
        topic, reader = topic_name(self._settings, OUTCOMES), self._registry.reader(OUTCOMES)
        client = clients.reader(self._settings)
        try:
            low, high = clients.watermarks(client, topic)
            values = [message.value() for message in clients.read_range(client, topic, low, high)]
        finally:
            client.close()
        return [outcome_of(reader.read(value)) for value in values if value is not None]

    def close(self) -> None:
        for each in self._clients:
            each.close()
