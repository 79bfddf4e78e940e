"""What the sink asks Kafka beside its consumer, over a broker's death."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from connectors.clickhouse.sink.messages import Partition
from connectors.clickhouse.sink.placement.offsets import KafkaOffsets
from headwater import kafka
from headwater.errors import Transient
from headwater.settings import load_settings

PLACE = Partition("logs", 0)


class Client:
    """An admin client that answers, or never again, once its broker died while it waited."""

    def __init__(self, dead: bool) -> None:
        self.dead = dead

    def list_offsets(self, wanted: dict[Any, Any], **_: object) -> dict[Any, Future[Any]]:
        answers: dict[Any, Future[Any]] = {}
        for place in wanted:
            answers[place] = answer = Future()
            if self.dead:
                answer.set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
            else:
                answer.set_result(SimpleNamespace(offset=7))
        return answers

    def poll(self, _: float) -> None: ...


def test_a_client_that_failed_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = [Client(dead=True), Client(dead=False)]
    monkeypatch.setattr(kafka, "admin", lambda _: clients.pop(0))
    offsets = KafkaOffsets(load_settings(environ={}), "sink")
    with pytest.raises(Transient, match="does not answer"):
        offsets.end_offsets([PLACE])
    assert offsets.end_offsets([PLACE]) == {PLACE: 7}
    assert offsets.end_offsets([PLACE]) == {PLACE: 7}
    assert not clients
