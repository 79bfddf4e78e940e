"""Requests for repairs that wait and do not come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, TopicPartition

from connectors.evm.repair.kafka_channel import KafkaRequests
from connectors.evm.repair.request import REQUESTS
from headwater.errors import Fatal
from headwater.health import HEALTH
from headwater.kafka.bounds import Bounds
from headwater.settings import load_settings
from tests.fakes.bounds import MemoryBounds, watched
from tests.fakes.kafka import FakeConsumer, FakeMessage
from tests.fakes.sink_thread import until
from tests.fakes.stage import unread

TIMES = 300


class Committed(FakeConsumer):
    """A consumer of a group that has answered one request, and of whose last fetch nothing is known."""

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(each.topic, each.partition, 1) for each in places]

    def get_watermark_offsets(self, place: TopicPartition, *, cached: bool) -> tuple[int, int]:
        return -1001, -1001


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryBounds]:
    asked = MemoryBounds()
    monkeypatch.setattr(
        "connectors.evm.repair.kafka_channel.standstill", lambda *_: watched("repair-requests", asked)
    )
    yield asked
    HEALTH.report("reading repair-requests", True)
    HEALTH.fail("")


def requests_of(monkeypatch: pytest.MonkeyPatch, consumer: FakeConsumer) -> KafkaRequests:
    monkeypatch.setattr("connectors.evm.repair.kafka_channel.kafka.consumer", lambda *_, **__: consumer)
    return KafkaRequests(load_settings(environ={}), unread(REQUESTS))


def ask(requests: KafkaRequests, times: int) -> None:
    for _ in range(times):
        assert requests.next(10) == []


def test_a_reader_that_gets_nothing_counts_what_waits_and_ends(
    monkeypatch: pytest.MonkeyPatch, asked: MemoryBounds
) -> None:
    requests = requests_of(monkeypatch, Committed())
    place = (requests._topic, 0)
    asked.bounds[place] = Bounds(1, 4)
    requests.next(10)
    until(lambda: requests._still.bounds(place) is not None)
    assert requests.waiting() == 3
    with pytest.raises(Fatal, match="gave no message for 120 s although 3 offsets wait"):
        ask(requests, TIMES)


def test_the_end_is_no_error_and_nothing_waits_there(
    monkeypatch: pytest.MonkeyPatch, asked: MemoryBounds
) -> None:
    requests = requests_of(monkeypatch, Committed([FakeMessage(place=4, code=KafkaError._PARTITION_EOF)]))
    asked.bounds[requests._topic, 0] = Bounds(1, 4)
    ask(requests, TIMES)
    assert requests._assigned
