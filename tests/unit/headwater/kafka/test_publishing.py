"""Publishing with librdkafka's own client; its brokers are those that it has for tests, in the process."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from headwater.errors import Transient
from headwater.kafka import Outgoing, publish

ROOM = 50


def producer(brokers: int = 1, **options: str | int) -> Producer:
    """With a queue that is soon full; without brokers nothing is ever acknowledged."""
    return Producer(
        {
            "bootstrap.servers": "127.0.0.1:1",
            "test.mock.num.brokers": brokers,
            "queue.buffering.max.messages": ROOM,
            "enable.idempotence": True,
            "log_level": 0,
            **options,
        }
    )


def messages(count: int, size: int = 1) -> list[Outgoing]:
    return [Outgoing(b"%d" % each, bytes(size), (("n", b"%d" % each),)) for each in range(count)]


def test_more_messages_than_the_queue_holds_are_all_acknowledged() -> None:
    own = producer()
    publish(own, "topic", messages(20 * ROOM))
    assert len(own) == 0


def test_what_is_refused_is_said_and_nothing_waits_any_more() -> None:
    own = producer(**{"message.max.bytes": 2_000})
    with pytest.raises(Transient, match=r"topic acknowledged . of 1 messages: .*MSG_SIZE_TOO_LARGE"):
        publish(own, "topic", [*messages(1), *messages(1, size=3_000)])
    assert len(own) == 0
    publish(own, "topic", messages(2))


def test_brokers_that_do_not_answer_are_waited_for_so_long() -> None:
    for count in (1, 2 * ROOM):
        own = producer(brokers=0)
        with pytest.raises(
            Transient, match=r"acknowledged 0 of \d+ messages: no answer within 0 s"
        ) as raised:
            publish(own, "topic", messages(count), seconds=0.2, remedy="again")
        assert raised.value.remedy == "again"
        assert len(own) == 0


def test_what_librdkafka_gives_up_is_a_failure() -> None:
    own = producer(brokers=0, **{"linger.ms": 0, "delivery.timeout.ms": 100})
    with pytest.raises(Transient, match=r"acknowledged 0 of 1 messages: .*MSG_TIMED_OUT"):
        publish(own, "topic", messages(1))


def test_nothing_is_waited_for_once_it_is_to_stop() -> None:
    own = producer(brokers=0)
    with pytest.raises(Transient, match="acknowledged 0 of 1 messages: stopped while writing"):
        publish(own, "topic", messages(1), stopped=lambda: True)
    assert len(own) == 0
