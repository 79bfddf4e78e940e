"""Settings that the tables' guarantees rest on."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import clickhouse_connect
import pytest

from connectors.clickhouse.client import INSERT_SETTINGS, connect
from headwater.heartbeat import Loop
from headwater.settings import load_settings
from tests.fakes.watched import Watched


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
        return SimpleNamespace(http=None)

    monkeypatch.setattr(clickhouse_connect, "get_client", get_client)
    connect(load_settings({"clickhouse": section}, environ={}).clickhouse)
    assert asked["settings"] == expected


def test_a_statement_that_takes_hours_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()

    class Pool:
        def request(self, method: str, *, url: str) -> str:
            watched.never_ends()
            return f"{method} {url}"

        def clear(self) -> str:
            return "cleared"

    pool = Pool()
    monkeypatch.setattr(clickhouse_connect, "get_client", lambda **_: SimpleNamespace(http=pool))
    client: Any = connect(load_settings(environ={}).clickhouse)
    with watched.beats.loop(Loop.LANE, "logs"):
        assert client.http.request("POST", url="/") == "POST /"
    assert watched.seen == []
    assert client.http.clear() == "cleared"
    assert {pool: "renewed"}[client.http] == "renewed"
