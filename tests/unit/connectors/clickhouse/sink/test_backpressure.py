"""What the sink does not read while it cannot write."""

from __future__ import annotations

from connectors.clickhouse.sink.backpressure import STUCK_SECONDS, Backpressure, Load

EMPTY = Load(0, 0)


def test_buffers_are_full_by_messages_or_by_bytes() -> None:
    policy = Backpressure(messages=100, size=1_000)
    assert not policy.is_full(99, 999, 0.0)
    assert policy.is_full(100, 0, 0.0)
    assert policy.is_full(0, 1_000, 0.0)


def test_a_stream_that_takes_most_of_the_room_is_paused_until_it_has_shrunk() -> None:
    policy = Backpressure(messages=100, size=1_000)

    def paused(load: Load) -> set[str]:
        return policy.paused({"logs": load, "blocks": EMPTY}, (), 0.0)

    assert paused(Load(74, 749)) == set()
    assert paused(Load(75, 0)) == {"logs"}
    assert paused(Load(26, 260)) == {"logs"}
    assert paused(Load(25, 250)) == set()
    assert paused(Load(0, 750)) == {"logs"}


def test_a_stream_whose_table_takes_nothing_is_paused_meanwhile() -> None:
    policy = Backpressure(messages=100, size=1_000)
    assert policy.paused({"logs": EMPTY, "blocks": EMPTY}, ["logs"], 0.0) == {"logs"}
    assert policy.paused({"logs": EMPTY, "blocks": EMPTY}, [], 0.0) == set()


def test_buffers_that_stay_full_pause_everything_so_that_the_group_is_served() -> None:
    policy = Backpressure(messages=100, size=1_000)
    loads = {"logs": Load(100, 0), "blocks": EMPTY}
    assert policy.is_full(100, 0, 10.0)
    assert not policy.is_stuck(10.0 + STUCK_SECONDS - 0.1)
    assert policy.is_full(100, 0, 14.0)
    assert policy.is_stuck(10.0 + STUCK_SECONDS)
    assert policy.paused(loads, (), 10.0 + STUCK_SECONDS) == {"logs", "blocks"}
    assert not policy.is_full(50, 0, 16.0)
    assert not policy.is_stuck(99.0)
