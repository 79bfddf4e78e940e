"""The sink as it is put together, with nothing around it."""

from __future__ import annotations

import threading
from unittest.mock import Mock

import pytest

from connectors.clickhouse.sink import assembly as module
from connectors.clickhouse.sink.assembly import Assembly
from connectors.clickhouse.sink.bisect import BadRowLimit
from headwater.errors import Fatal
from headwater.settings import load_settings
from tests.fakes.clickhouse import FakeClient
from topics.catalog import topic_name


def test_each_limit_goes_on_from_what_was_bad_of_its_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: dict[str, BadRowLimit] = {}

    class Seen(BadRowLimit):
        def __init__(self, stream: str, max_ratio: float) -> None:
            super().__init__(stream, max_ratio)
            limits[stream] = self

    settings = load_settings({"chain": {"name": "ethereum"}}, environ={})
    recent = {
        topic_name(settings, stream): found for stream, found in (("logs", (900, 7)), ("coverage", (30, 2)))
    }
    clickhouse, brokers = (
        ("connect", "require_usable", "open_table", "ReplicaProgress"),
        ("kafka", "KafkaOffsets", "GroupConsumer"),
    )
    for outside in (*clickhouse, *brokers, "Registry"):
        monkeypatch.setattr(module, outside, Mock())
    monkeypatch.setattr(module, "recent_rows", lambda *_: recent)
    monkeypatch.setattr(module, "BadRowLimit", Seen)
    Assembly(settings, threading.Event()).sink()
    assert {stream: limit.recent for stream, limit in limits.items() if limit.recent != (0, 0)} == {
        "logs": (900, 7),
        "coverage": (30, 2),
    }


def test_tables_that_lost_what_this_version_uses_are_refused_before_a_row_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rollback by Helm runs no hook: the sink before starts on the tables that there are."""
    settings = load_settings({"chain": {"name": "ethereum"}}, environ={})
    scope, version, oldest = "", 9001, 9000
    client = FakeClient([(scope, version, oldest)])
    monkeypatch.setattr(module, "connect", lambda *_, **__: client)
    with pytest.raises(Fatal, match="migration 9001 took away") as caught:
        Assembly(settings, threading.Event())
    assert "run a newer version" in str(caught.value.remedy)
