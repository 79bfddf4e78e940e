"""Where rows are moved at all."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from connectors.clickhouse.visibility.moving.loop import MoveLoop
from headwater.settings import load_settings


@pytest.mark.parametrize(
    ("sections", "moves"),
    [({}, True), ({"clickhouse": {"cluster": "main"}}, False), ({"sink": {"move_settled": False}}, False)],
    ids=["one server", "a cluster", "switched off"],
)
def test_rows_are_moved_on_one_server_unless_switched_off(
    sections: dict[str, dict[str, Any]], moves: bool
) -> None:
    with MoveLoop(load_settings(sections, environ={})):
        assert ("move" in {thread.name for thread in threading.enumerate()}) == moves
