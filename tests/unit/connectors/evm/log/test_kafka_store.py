"""What the brokers say of a message of raw-blocks, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError

from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.log.store import Outgoing
from headwater import kafka
from headwater.errors import Fatal, Transient
from headwater.settings import load_settings
from tests.fakes.kafka import FakeConsumer, FakeMessage


class Producer:
    """Says of each message what the brokers answered."""

    def __init__(self, code: int | None) -> None:
        self._code = code
        self._told: list[Callable[[], None]] = []

    def produce(self, _: str, value: bytes, *, on_delivery: Callable[..., None], **__: Any) -> None:
        error = None if self._code is None else KafkaError(self._code)
        self._told.append(lambda: on_delivery(error, FakeMessage(place=7, content=value)))

    def poll(self, _: float) -> None:
        while self._told:
            self._told.pop()()


def appended(monkeypatch: pytest.MonkeyPatch, code: int | None) -> list[int]:
    monkeypatch.setattr(kafka, "reader", lambda *_, **__: FakeConsumer())
    monkeypatch.setattr(kafka, "producer", lambda *_, **__: Producer(code))
    store = KafkaStore(load_settings(environ={}), "chain.raw-blocks.v1", "1")
    store.renew()
    return store.append([Outgoing(b"x" * 2_000)])


def test_a_message_that_is_taken_has_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    assert appended(monkeypatch, None) == [7]


@pytest.mark.parametrize("code", [KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE])
def test_a_topic_that_takes_less_than_a_part_ends_with_the_setting(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    wanted = r"chain\.raw-blocks\.v1 does not take a message of 2000 bytes: .*max\.message\.bytes"
    with pytest.raises(Fatal, match=wanted):
        appended(monkeypatch, code)


def test_what_passes_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Transient, match=r"cannot write to chain\.raw-blocks\.v1"):
        appended(monkeypatch, KafkaError._MSG_TIMED_OUT)
