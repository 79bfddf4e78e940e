"""Health: ready when every part says so, alive until one gives up."""

from __future__ import annotations

from headwater.health import Health


def test_ready_needs_every_check_and_at_least_one() -> None:
    health = Health()
    assert not health.ready()
    health.report("kafka", True)
    health.report("node", False, "no answer")
    assert not health.ready()
    assert health.checks()["node"].detail == "no answer"
    health.report("node", True)
    assert health.ready()
    assert health.alive()
    health.fail("fork below finalized")
    assert not health.alive()


def test_who_watches_is_told_what_stands_and_what_comes() -> None:
    told: list[tuple[str, bool | None]] = []
    health = Health()
    health.report("kafka", False, "away")
    health.watch(lambda name, ok: told.append((name, ok)))
    health.report("kafka", True)
    health.report("clickhouse", False, "full")
    health.forget_failed()
    assert told == [("kafka", False), ("kafka", True), ("clickhouse", False), ("clickhouse", None)]
    assert set(health.checks()) == {"kafka"}
