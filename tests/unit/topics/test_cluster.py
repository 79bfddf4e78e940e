"""Brokers that do not all know of a topic yet."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigResource

from headwater import kafka
from headwater.errors import Fatal
from headwater.settings import load_settings
from topics.cluster import KafkaCluster


class OneBroker:
    """It shows two topics; asked for the settings of the second one, another broker answers with `code`."""

    def __init__(self, code: int) -> None:
        self._code = code

    def list_topics(self, timeout: float) -> Any:
        topic = SimpleNamespace(partitions={0: None})
        return SimpleNamespace(topics={"known": topic, "new": topic})

    def describe_configs(self, resources: list[ConfigResource], request_timeout: float) -> dict[Any, Any]:
        answers: dict[Any, Any] = {}
        for each in resources:
            answers[each] = future = Future[dict[str, Any]]()
            if each.name == "new":
                future.set_exception(KafkaException(KafkaError(self._code)))
            else:
                future.set_result({})
        return answers

    def poll(self, seconds: float) -> int:
        return 0


def topics(monkeypatch: pytest.MonkeyPatch, code: int) -> set[str]:
    monkeypatch.setattr(kafka, "admin", lambda settings: OneBroker(code))
    return set(KafkaCluster(load_settings(environ={})).topics(["known", "new", "absent"]))


def test_a_topic_that_a_broker_does_not_know_yet_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert topics(monkeypatch, KafkaError.UNKNOWN_TOPIC_OR_PART) == {"known"}


def test_what_is_forbidden_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Fatal):
        topics(monkeypatch, KafkaError.TOPIC_AUTHORIZATION_FAILED)
