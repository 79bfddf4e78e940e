"""Where rows are moved at all."""

from __future__ import annotations

import threading

from connectors.clickhouse.visibility.moving.loop import MoveLoop
from headwater.settings import load_settings


def test_on_a_cluster_nothing_is_moved() -> None:
    for cluster, moves in ((None, True), ("main", False)):
        section = {"cluster": cluster} if cluster else {}
        with MoveLoop(load_settings({"clickhouse": section}, environ={})):
            assert ("move" in {thread.name for thread in threading.enumerate()}) == moves
