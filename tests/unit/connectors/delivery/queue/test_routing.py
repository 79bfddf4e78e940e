"""From an alert to its entries: who gets it, what it says, under which id."""

from __future__ import annotations

import orjson

from connectors.delivery.queue.delivery import State, delivery_id, delivery_of, key_of
from connectors.delivery.queue.routing import AlertPosition, route
from schemas import codec_for
from tests.builders.deliveries import alert

POSITION = AlertPosition(2, 7, 1_000)


def test_an_alert_has_an_entry_for_each_channel_that_was_there_when_it_was_published() -> None:
    record = alert(1, 10, channels=["ops", "late", "nobody", "ops"])
    routed = route(record, POSITION, {"ops": 1_000, "late": 1_001}, 5_000)
    (ops,) = routed.deliveries
    assert routed.unknown == ["nobody"]
    assert (ops.channel, ops.state, ops.revision, ops.published_at, ops.queued_at) == (
        *("ops", State.PENDING, 0, 1_000, 5_000),
    )
    assert key_of(ops) == b"ops:0x00000000000000000000000000000001:10"
    payload = orjson.loads(ops.payload)
    assert set(payload) == set(codec_for("alerts").names)
    assert payload["block_hash"] == "0x" + "00" * 32


def test_a_rule_in_shadow_mode_is_delivered_nowhere() -> None:
    routed = route(alert(1, 10, shadow=True), POSITION, {"ops": 0}, 0)
    assert (routed.deliveries, routed.unknown) == ([], [])


def test_ids_differ_by_alert_version_and_channel() -> None:
    one, other = bytes(16), bytes(15) + b"\x01"
    ids = {
        delivery_id(alert_id, version, channel)
        for alert_id in (one, other)
        for version in (1, 2)
        for channel in ("ops", "ops2")
    }
    assert len(ids) == 8
    assert {len(each) for each in ids} == {32}


def test_an_entry_is_what_was_written() -> None:
    (entry,) = route(alert(1, 10), POSITION, {"ops": 0}, 0).deliveries
    codec = codec_for("deliveries")
    assert delivery_of(codec.read(codec.write(entry.record()))) == entry
