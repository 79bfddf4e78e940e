"""What writers rely on in the queue of a producer, whoever the brokers are: subclasses say which."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

SECONDS = 30.0


class Topic(Protocol):
    """An empty topic of one partition; `producer` has room for so many messages."""

    name: str

    def producer(self, room: int) -> Any: ...


class ProducerQueueContract:
    """Tests of a producer without transactions."""

    @pytest.fixture
    def topic(self) -> Topic:
        raise AssertionError("the subclass says which topic")

    def test_each_message_is_reported_with_its_place_once_it_was_acknowledged(self, topic: Topic) -> None:
        producer, reports = topic.producer(10), list[tuple[object, Any]]()
        for value in (b"a", None):
            producer.produce(
                topic.name,
                value,
                b"key",
                headers=[("sequence", b"7")],
                on_delivery=lambda *report: reports.append(report),
            )
        assert len(producer) == 2
        assert reports == []
        assert producer.flush(SECONDS) == 0
        assert len(producer) == 0
        assert [error for error, _ in reports] == [None, None]
        messages = [message for _, message in reports]
        assert [each.offset() for each in messages] == [0, 1]
        assert {(each.topic(), each.partition(), each.key()) for each in messages} == {
            (topic.name, 0, b"key")
        }
        assert [each.value() for each in messages] == [b"a", None]

    def test_a_full_queue_takes_nothing_until_it_is_polled(self, topic: Topic) -> None:
        producer = topic.producer(1)
        producer.produce(topic.name, b"a", b"key")
        with pytest.raises(BufferError):
            producer.produce(topic.name, b"b", b"key")
        while not producer.poll(SECONDS):
            pass
        producer.produce(topic.name, b"c", b"key")
        assert producer.flush(SECONDS) == 0
