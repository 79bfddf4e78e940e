"""Settings that the tables' guarantees rest on."""

from __future__ import annotations

from collections.abc import Mapping

import clickhouse_connect
import pytest

from connectors.clickhouse.client import INSERT_SETTINGS, connect
from headwater.settings import load_settings


def test_inserts_are_acknowledged_when_the_shards_have_them() -> None:
    assert INSERT_SETTINGS["distributed_foreground_insert"] == 1
    assert INSERT_SETTINGS["async_insert"] == 0


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({}, {}),
        ({"insert_quorum": "3"}, {}),
        ({"cluster": "main"}, {"insert_quorum": "auto", "insert_quorum_parallel": 1}),
        ({"cluster": "main", "insert_quorum": "3"}, {"insert_quorum": "3", "insert_quorum_parallel": 1}),
    ],
)
def test_a_cluster_has_a_quorum(
    monkeypatch: pytest.MonkeyPatch, section: Mapping[str, object], expected: Mapping[str, object]
) -> None:
    asked: dict[str, object] = {}

    def get_client(**options: object) -> object:
        asked.update(options)
        return object()

    monkeypatch.setattr(clickhouse_connect, "get_client", get_client)
    connect(load_settings({"clickhouse": section}, environ={}).clickhouse)
    assert asked["settings"] == expected
